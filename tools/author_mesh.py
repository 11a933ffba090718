"""Makes the shipped face rig: the canonical face mesh and its 52 ARKit shapes.

    python -m tools.author_mesh [--vertices MESH.npz] [--output FILE]

The shapes are authored in mesh_mouth.py and mesh_eyes.py on the canonical vertices, which the file that is being
replaced already holds; --vertices brings another mesh (V (478, 3), symmetric; mir (478,) mirror indices).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vasa_core import arkit
from vasa_core.faces.mesh.rig import ARCHITECTURE, FILE_NAME
from vasa_core.weights import checkpoint

from .mesh_eyes import eye_shapes
from .mesh_handles import Sculpture
from .mesh_mouth import lip_seal, mouth_shapes


def author(vertices: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(52, 468, 3) shapes in the order of arkit.NAMES, in units of the outer eye corners' distance."""
    sculpture = Sculpture(vertices, mirror)
    shapes = mouth_shapes(sculpture) | eye_shapes(sculpture)
    unknown = set(shapes) ^ set(arkit.NAMES)
    if unknown:
        raise SystemExit(f"Shapes and arkit.NAMES differ: {sorted(unknown)}")
    return np.stack([shapes[name] for name in arkit.NAMES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vertices", type=Path, help="npz with V (478, 3) and mir (478,)")
    parser.add_argument("--output", type=Path, default=checkpoint.shipped(FILE_NAME))
    arguments = parser.parse_args()
    if arguments.vertices:
        source = np.load(arguments.vertices)
        vertices, mirror = source["V"], source["mir"]
    else:
        tensors, _ = checkpoint.load(checkpoint.shipped(FILE_NAME), ARCHITECTURE)
        vertices, mirror = tensors["vertices"].double().numpy(), tensors["mirror"].numpy()
    shapes = author(vertices, mirror)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(
        arguments.output,
        {
            "vertices": torch.from_numpy(vertices).float(),
            "mirror": torch.from_numpy(mirror).long(),
            "shapes": torch.from_numpy(shapes).half(),
            "correctives": torch.from_numpy(lip_seal(Sculpture(vertices, mirror))[None]).half(),
        },
        ARCHITECTURE,
        shapes=",".join(arkit.NAMES),
    )
    print(f"{arguments.output}: {len(shapes)} shapes on {shapes.shape[1]} vertices")


if __name__ == "__main__":
    main()
