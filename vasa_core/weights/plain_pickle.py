"""Reads a pickle of plain values and numpy arrays without unpickling it.

A pickle is a program for a small stack machine. Here its instructions are taken apart by `pickletools.genops`, which
runs nothing, and carried out one by one: dictionaries, lists, tuples, text, bytes, numbers, and the few calls by which
numpy writes arrays, each under its exact name. Whatever else a file asks for is refused, and nothing is ever imported
or called by a name from the file.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError

LARGEST = 64 << 20  # bytes: a table of statistics is a few thousand
MARK = object()
MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


class Refused(ValueError):
    """The pickle asks for something else than plain values and arrays."""


def read_plain_pickle(path: str | Path) -> Any:
    """The value that the file holds; WeightsError where it is missing, damaged, or holds anything but plain values."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"The file {path.name} is missing from {path.parent}. Download it into that folder.")
    if path.stat().st_size > LARGEST:
        raise WeightsError(f"{path.name} is far too large for a table of statistics. Download it again.")
    try:
        return read_plain(path.read_bytes())
    except (Refused, ValueError, IndexError, KeyError, TypeError) as error:
        raise WeightsError(f"{path.name} is damaged or holds more than numbers ({error}). Get it again.") from error


def read_plain(content: bytes) -> Any:
    """The value of a pickle's bytes. Raises Refused, or another error of the kind ValueError, for what is not plain."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, argument, _ in pickletools.genops(content):
        name = operation.name
        if name == "STOP":
            return _plain(stack.pop())
        if name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[int(argument)])
        elif name in VALUES:
            stack.append(VALUES[name](argument))
        elif name in STEPS:
            STEPS[name](stack)
        elif name == "GLOBAL":
            stack.append(_known(*argument.split(" ", 1)))
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"it uses the instruction {name}")
    raise Refused("it has no end")


class _Call:
    """One of numpy's names that stand for a call, or for numpy's array type."""

    def __init__(self, run: Callable[..., Any] | None) -> None:
        self.run = run


class _Array:
    """An array as numpy's protocol builds it: empty first, then filled by BUILD."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def fill(self, version: int, shape: tuple, dtype: np.dtype, fortran: bool, data: bytes) -> None:
        self.value = _array(data, dtype, shape, "F" if fortran else "C")


class _Type:
    """A number type as numpy's protocol builds it: 'f4', then its byte order by BUILD."""

    def __init__(self, code: str, *_: Any) -> None:
        if code not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
            raise Refused(f"it holds an array of the type {code!r}")
        self.value = np.dtype(code)

    def fill(self, version: int, order: str, *_: Any) -> None:
        if order not in ("<", ">", "|", "="):
            raise Refused(f"it holds an array of the byte order {order!r}")
        self.value = self.value.newbyteorder(order)


def _array(data: bytes, dtype: _Type, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(data, dtype.value).reshape(shape, order=order).copy()


def _known(module: str, name: str) -> _Call:
    """What numpy's own pickles name, and nothing else."""
    place = (module, name)
    if place in {(home, "_reconstruct") for home in MULTIARRAY}:
        return _Call(lambda kind, shape, code: _Array())
    if place in {(home, "scalar") for home in MULTIARRAY}:
        return _Call(lambda dtype, data: np.frombuffer(data, dtype.value)[0])
    if place in {(home, "_frombuffer") for home in NUMERIC}:
        return _Call(_array)
    if place == ("numpy", "dtype"):
        return _Call(_Type)
    if place == ("numpy", "ndarray"):
        return _Call(None)
    if place == ("_codecs", "encode"):  # how protocols 0 to 2 write bytes
        return _Call(lambda text, coding: text.encode("latin1") if coding == "latin1" else _refuse(coding))
    raise Refused(f"it asks for {module}.{name}")


def _refuse(what: Any) -> Any:
    raise Refused(f"it asks for {what!r}")


def _plain(value: Any) -> Any:
    """What stands in a container: a filled array is its value."""
    return value.value if isinstance(value, _Array) else value


def _since_mark(stack: list[Any]) -> list[Any]:
    at = max((k for k, value in enumerate(stack) if value is MARK), default=-1)
    if at < 0:
        raise Refused("an instruction misses its mark")
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _tuple(stack: list[Any], count: int) -> None:
    items = tuple(_plain(item) for item in stack[len(stack) - count :])
    del stack[len(stack) - count :]
    stack.append(items)


def _call(stack: list[Any]) -> None:
    arguments, call = stack.pop(), stack.pop()
    if not isinstance(call, _Call) or call.run is None:
        raise Refused("it calls what is no array")
    stack.append(call.run(*arguments))


def _named(stack: list[Any]) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(_known(module, name))


def _build(stack: list[Any]) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], (_Array, _Type)):
        raise Refused("it sets the state of what is no array")
    stack[-1].fill(*state)


def _put(target: Any, key: Any, value: Any) -> None:
    if not isinstance(target, dict) or not isinstance(key, (str, int)):
        raise Refused("it fills what is no dictionary of names")
    target[key] = _plain(value)


def _set_item(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _put(stack[-1], key, value)


def _set_items(stack: list[Any]) -> None:
    items = _since_mark(stack)
    for key, value in zip(items[::2], items[1::2], strict=True):
        _put(stack[-1], key, value)


def _append(stack: list[Any]) -> None:
    _extend(stack, [stack.pop()])


def _appends(stack: list[Any]) -> None:
    _extend(stack, _since_mark(stack))


def _extend(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise Refused("it adds to what is no list")
    stack[-1].extend(_plain(item) for item in items)


VALUES: dict[str, Callable[[Any], Any]] = {
    **{name: int for name in ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")},
    **{name: float for name in ("FLOAT", "BINFLOAT")},
    **{name: str for name in ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")},
    **{name: bytes for name in ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")},
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "MARK": lambda _: MARK,
}
STEPS: dict[str, Callable[[list[Any]], None]] = {
    "TUPLE": lambda stack: stack.append(tuple(_plain(item) for item in _since_mark(stack))),
    "TUPLE1": lambda stack: _tuple(stack, 1),
    "TUPLE2": lambda stack: _tuple(stack, 2),
    "TUPLE3": lambda stack: _tuple(stack, 3),
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "APPEND": _append,
    "APPENDS": _appends,
    "REDUCE": _call,
    "BUILD": _build,
    "STACK_GLOBAL": _named,
}
