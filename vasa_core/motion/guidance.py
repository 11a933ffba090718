"""Classifier-free guidance per condition, all of its denoiser calls in one batch."""

from collections.abc import Mapping

from torch import Tensor

from .conditions import Conditions, Denoiser


def guided(denoiser: Denoiser, x: Tensor, t: Tensor, conditions: Conditions, scales: Mapping[int, Tensor]) -> Tensor:
    """x0 = (1 + sum_c s_c) H(x, t, C) - sum_c s_c H(x, t, C without c), as VASA-1 defines it.

    x: (B, W, K), t: (B,). `scales` maps an index of conditions.FIELDS to its scale s_c (K,), a number per channel. A
    condition whose numbers are all 0 costs nothing.
    """
    active = [(field, scale) for field, scale in scales.items() if scale.any()]
    variants = Conditions.joined([conditions, *(conditions.without(field) for field, _ in active)])
    copies = 1 + len(active)
    full, *dropped = denoiser(x.repeat(copies, 1, 1), t.repeat(copies), variants).chunk(copies)
    result = (1 + sum(scale for _, scale in active)) * full
    for (_, scale), without in zip(active, dropped, strict=True):
        result = result - scale * without
    return result
