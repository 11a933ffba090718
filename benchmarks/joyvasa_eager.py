"""The published JoyVASA denoiser and its sampling as they are: torch's decoder layers, every step from scratch.

The baseline of `joyvasa_speed.py`, and what the tests hold against recorded outputs. It reads the released names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from vasa_core.motion.joyvasa.diffusion import schedule
from vasa_core.motion.joyvasa.network import sines

WINDOW, PREVIOUS, STEPS, WIDTH, MOTION = 100, 10, 50, 256, 73


class EagerDenoiser(nn.Module):
    """(B, 100, 73) noisy motion, audio, previous motion and audio, step (B,) -> (B, 110, 73) clean motion.

    Places by the rule of the released weights: one row of the table for all tokens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.feature_proj = nn.Linear(MOTION, WIDTH)
        self.diff_step_map = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        layer = nn.TransformerDecoderLayer(WIDTH, 8, 4 * WIDTH, activation="gelu", batch_first=True)
        self.transformer = nn.TransformerDecoder(layer, 8)
        self.motion_dec = nn.Sequential(nn.Linear(WIDTH, WIDTH // 2), nn.GELU(), nn.Linear(WIDTH // 2, MOTION))
        self.register_buffer("places", sines(600, WIDTH), persistent=False)
        self.register_buffer("steps", sines(501, WIDTH), persistent=False)
        self.register_buffer("others", ~torch.eye(PREVIOUS + WINDOW, dtype=torch.bool), persistent=False)

    def forward(
        self, motion: Tensor, audio: Tensor, previous_motion: Tensor, previous_audio: Tensor, step: Tensor
    ) -> Tensor:
        x = self.feature_proj(torch.cat([previous_motion, motion], dim=1)) + self.places[PREVIOUS + WINDOW]
        x = x + self.diff_step_map(self.steps[step])[:, None]
        heard = torch.cat([previous_audio, audio], dim=1)
        return self.motion_dec(self.transformer(x, heard, memory_mask=self.others))


def load_eager(tensors: Mapping[str, Tensor]) -> EagerDenoiser:
    """From the tensors of the released file, under their released names."""
    denoiser = EagerDenoiser().eval().requires_grad_(False)
    mine = {key.removeprefix("denoising_net."): value for key, value in tensors.items()}
    denoiser.load_state_dict({key: mine[key] for key in denoiser.state_dict()})
    return denoiser


@torch.no_grad()
def sample_eager(
    denoiser: EagerDenoiser, tensors: Mapping[str, Tensor], audio: Tensor, noise: Callable[[], Tensor], guidance: float
) -> Tensor:
    """The first window: audio (1, 100, 256) -> (1, 100, 73), by 50 steps of DDPM with guidance."""
    powers = schedule(STEPS).tolist()
    heard = torch.cat([tensors["null_audio_feat"].expand(1, WINDOW, -1), audio])
    before = [tensors[f"start_{name}_feat"].expand(2, -1, -1) for name in ("motion", "audio")]
    x = noise()
    for step in range(STEPS, 0, -1):
        result = denoiser(x.expand(2, -1, -1), heard, *before, torch.full((2,), step))[:, PREVIOUS:]
        null, with_audio = result.chunk(2)
        clean = null + guidance * (with_audio - null)
        power, following = powers[step], powers[step - 1]
        alpha = power / following
        x = ((1 - following) * math.sqrt(alpha) * x + (1 - alpha) * math.sqrt(following) * clean) / (1 - power)
        if step > 1:
            x = x + math.sqrt((1 - following) / (1 - power) * (1 - alpha)) * noise()
    return x
