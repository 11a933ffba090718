"""Our vision networks against mediapipe 0.10.21 itself, on pictures and videos.

    python benchmarks/vision_parity.py --mediapipe PYTHON            print the comparison
    python benchmarks/vision_parity.py --mediapipe PYTHON --goldens  write what the tests compare with

PYTHON is that of an environment of its own, since mediapipe pins numpy below 2:
python -m venv mp; mp/bin/pip install mediapipe==0.10.21 av pillow. The portraits and videos are those of the test
data (see tests/shared_data.py) where it is there, and the bundled ones. Distances are in pixels of a 512x512 crop.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.shared_data import shared_folder  # noqa: E402
from tests.vision import pictures  # noqa: E402
from vasa_core.vision.crop import HALF  # noqa: E402
from vasa_core.vision.detect import detect, find_faces, read_mesh, squares_of, whole_window  # noqa: E402
from vasa_core.vision.model import Vision, load_vision  # noqa: E402
from vasa_core.vision.sampling import cut_out  # noqa: E402
from vasa_core.vision.track import track_face  # noqa: E402

GOLDENS = ROOT / "tests" / "vision" / "goldens"
FOLLOWED = 60  # frames of each video


def ask_mediapipe(python: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "given.npz"), Path(folder, "answer.npz")
        np.savez(given, **arrays)
        script = Path(__file__).with_name("mediapipe_faces.py")
        subprocess.run([python, str(script), str(given), str(answer)], check=True, stderr=subprocess.DEVNULL)
        return dict(np.load(answer))


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).movedim(-1, -3).float() / 255


def plain_faces(vision: Vision, image: torch.Tensor) -> np.ndarray:
    """The faces by MediaPipe's own steps alone: near detector and mesh. (N, 478, 3), best first."""
    found = detect(vision.near, image[None], whole_window(image))[0]
    landmarks, presence = read_mesh(vision, image[None].expand(len(found.scores), -1, -1, -1), squares_of(found))
    return landmarks[presence > 0.5].numpy()


def distance(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(..., 478) distances in x, y between landmarks (..., 478, 3), in pixels of a 512x512 crop around them."""
    extent = np.ptp(theirs[..., :2], axis=-2).max(axis=-1)
    return np.linalg.norm((ours - theirs)[..., :2], axis=-1) * (512 / (2 * HALF * extent))[..., None]


def compare_picture(vision: Vision, name: str, pixels: np.ndarray, theirs: dict[str, np.ndarray]) -> tuple[bool, list]:
    """Prints one line; returns whether the same faces are found, and their landmark distances."""
    image, known = to_tensor(pixels), theirs[f"{name}/landmarks"]
    ours, chosen = plain_faces(vision, image), find_faces(vision, image)
    apart = [min((distance(face, other) for other in ours), key=np.median) for face in known] if len(ours) else []
    matte = vision.matte(cut_out(image[None], stretched(image), vision.matte.size, "zeros"))[:, None]
    matte = torch.nn.functional.interpolate(matte, image.shape[1:], mode="bilinear")[0, 0].numpy()
    line = f"{name:20} faces {len(known)} / {len(ours)}, kept after the second look {len(chosen)}"
    if apart:
        line += f"; landmarks median {np.median(apart):.3f} px, 95 % {np.percentile(apart, 95):.3f} px"
    print(f"{line}; matte {np.abs(matte - theirs[f'{name}/matte']).mean():.4f}")
    return len(known) == len(ours), apart


def stretched(image: torch.Tensor) -> torch.Tensor:
    """The rectangle of the whole picture: (1, 5)."""
    height, width = image.shape[1:]
    return torch.tensor([[width / 2, height / 2, width, height, 0.0]])


def compare_video(vision: Vision, name: str, frames: np.ndarray, theirs: np.ndarray) -> list[np.ndarray]:
    track = track_face(vision, (to_tensor(frame) for frame in frames), 25.0)
    back = torch.linalg.inv(track.crop_from_image)
    ours = (track.landmarks * back[0, 0]).numpy()
    ours[..., :2] += back[:2, 2].numpy()
    both = ~np.isnan(theirs[:, 0, 0]) & ~track.lost.numpy()
    apart = distance(ours[both], theirs[both])
    seen = f"seen in {int((~np.isnan(theirs[:, 0, 0])).sum())} / {int((~track.lost).sum())} of {len(frames)} frames"
    print(
        f"{name:20} followed, {seen}; landmarks median {np.median(apart):.3f} px, 95 % {np.percentile(apart, 95):.3f}"
    )
    return list(apart)


def write_goldens(python: str) -> None:
    """Everything for the bundled pictures; for others landmarks and boxes alone, no picture nor matte."""
    GOLDENS.mkdir(exist_ok=True)
    answer = ask_mediapipe(python, pictures.bundled())
    small = {k: v if "/matte" not in k else (v[::4, ::4] * 255).round().astype(np.uint8) for k, v in answer.items()}
    np.savez_compressed(GOLDENS / "bundled.npz", **small)
    folder = shared_folder()
    if folder is None:
        print("Only the bundled pictures: the test data is not there.")
        return
    arrays = dict(pictures.shared(folder / "media"))
    arrays["film"] = pictures.film(folder / "media" / f"{pictures.FILM}.mp4", pictures.FILM_FRAMES)
    answer = ask_mediapipe(python, arrays)
    np.savez_compressed(GOLDENS / "shared.npz", **{k: v for k, v in answer.items() if "/matte" not in k})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mediapipe", required=True, help="python of an environment with mediapipe 0.10.21")
    parser.add_argument("--goldens", action="store_true", help="write tests/vision/goldens instead of comparing")
    arguments = parser.parse_args()
    if arguments.goldens:
        write_goldens(arguments.mediapipe)
        return
    torch.set_grad_enabled(False)
    vision, folder, arrays, videos = load_vision(), shared_folder(), pictures.bundled(), {}
    if folder is not None:
        arrays |= dict(pictures.shared(folder / "media"))
        videos = {name: pictures.film(folder / "media" / f"{name}.mp4", FOLLOWED) for name in pictures.FILMS}
    theirs = ask_mediapipe(arguments.mediapipe, arrays | videos)
    results = [compare_picture(vision, name, pixels, theirs) for name, pixels in arrays.items()]
    apart = [d for _, distances in results for d in distances]
    for name, frames in videos.items():
        apart += compare_video(vision, name, frames, theirs[f"{name}/landmarks"])
    print(f"\nThe same faces in {sum(same for same, _ in results)} of {len(results)} pictures.")
    print(f"Landmarks, all: median {np.median(apart):.3f} px, 95 % {np.percentile(apart, 95):.3f} px at 512.")


if __name__ == "__main__":
    main()
