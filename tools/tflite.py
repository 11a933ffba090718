"""A small reader of TensorFlow Lite files: the operators in order and the constant tensors, nothing more.

The format is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs, version 3). A flatbuffer table is a position
in the file; the offset of each of its fields stands in a "vtable" that the table points to, zero for an absent field.
Only float tensors are read; float16 stays float16.
"""

import struct
from dataclasses import dataclass

import numpy as np

CONVOLUTION, DEPTHWISE, DEQUANTIZE, CUSTOM, PRELU, DENSIFY = 3, 4, 6, 32, 54, 124  # schema.fbs, BuiltinOperator
FLOATS = {0: "<f4", 1: "<f2"}  # schema.fbs, TensorType
INDICES = {1: "<i4", 2: "<u2", 3: "u1"}  # schema.fbs, SparseIndexVector


@dataclass(frozen=True)
class Operator:
    code: int
    custom: str  # the name of a custom operator, else empty
    inputs: list[int]
    outputs: list[int]


@dataclass(frozen=True)
class Graph:
    operators: list[Operator]
    constants: dict[int, np.ndarray]  # tensor index -> values, only float tensors that are stored in the file
    inputs: list[int]
    outputs: list[int]


def read_graph(data: bytes) -> Graph:
    """The first subgraph of a .tflite file. Dequantising and densifying are done here."""
    model = _Table(data, struct.unpack_from("<I", data)[0])
    codes = [(code.number(3, "i") or code.number(0, "b"), code.text(1)) for code in model.tables(1)]
    buffers = [buffer.array(0, np.uint8) for buffer in model.tables(4)]
    graph = model.tables(2)[0]
    constants = {}
    for index, tensor in enumerate(graph.tables(0)):
        kind, stored = tensor.number(1, "b"), buffers[tensor.number(2, "I")]
        if kind in FLOATS and len(stored):
            values, shape = stored.view(FLOATS[kind]), tensor.array(0, "<i4")
            sparsity = tensor.tables_of(6)
            constants[index] = _densify(values, shape, sparsity[0]) if sparsity else values.reshape(shape)
    operators = []
    for node in graph.tables(3):
        code, custom = codes[node.number(0, "I")]
        inputs, outputs = node.array(1, "<i4").tolist(), node.array(2, "<i4").tolist()
        if code in (DEQUANTIZE, DENSIFY):
            constants[outputs[0]] = constants[inputs[0]]
        else:
            operators.append(Operator(code, custom, inputs, outputs))
    return Graph(operators, constants, graph.array(1, "<i4").tolist(), graph.array(2, "<i4").tolist())


def _densify(values: np.ndarray, shape: np.ndarray, sparsity: "_Table") -> np.ndarray:
    """Compressed rows (the last axis is sparse, all others are dense) to a full array of `shape`."""
    last = sparsity.tables(2)[-1]
    segments = last.tables_of(3)[0].array(0, INDICES[last.number(2, "B")]).astype(int)
    columns = last.tables_of(5)[0].array(0, INDICES[last.number(4, "B")])
    dense = np.zeros((len(segments) - 1, shape[-1]), values.dtype)
    dense[np.repeat(np.arange(len(dense)), np.diff(segments)), columns] = values
    return dense.reshape(shape)


class _Table:
    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position
        self.vtable = position - struct.unpack_from("<i", data, position)[0]
        self.vtable_size = struct.unpack_from("<H", data, self.vtable)[0]

    def field(self, index: int) -> int | None:
        """Position of a field, None where it is absent."""
        slot = 4 + 2 * index
        offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0] if slot < self.vtable_size else 0
        return self.position + offset if offset else None

    def number(self, index: int, kind: str) -> int:
        at = self.field(index)
        return 0 if at is None else struct.unpack_from("<" + kind, self.data, at)[0]

    def array(self, index: int, dtype: str | type) -> np.ndarray:
        at = self.field(index)
        if at is None:
            return np.zeros(0, dtype)
        at += struct.unpack_from("<I", self.data, at)[0]
        return np.frombuffer(self.data, dtype, struct.unpack_from("<I", self.data, at)[0], at + 4)

    def text(self, index: int) -> str:
        return self.array(index, np.uint8).tobytes().decode()

    def tables_of(self, index: int) -> list["_Table"]:
        """The one table in a field, or an empty list where it is absent."""
        at = self.field(index)
        return [] if at is None else [_Table(self.data, at + struct.unpack_from("<I", self.data, at)[0])]

    def tables(self, index: int) -> list["_Table"]:
        at = self.field(index)
        at += struct.unpack_from("<I", self.data, at)[0]
        slots = range(at + 4, at + 4 + 4 * struct.unpack_from("<I", self.data, at)[0], 4)
        return [_Table(self.data, slot + struct.unpack_from("<I", self.data, slot)[0]) for slot in slots]
