"""Settings of a training run: a JSON file becomes a frozen dataclass, and what is wrong in it is said by name.

A file names only what differs from the defaults. Nested dataclasses are nested objects.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import BadInput

Settings = TypeVar("Settings")


def read_settings(path: str | Path, kind: type[Settings]) -> Settings:
    """The settings in a JSON file. BadInput names the file, the setting, and what it should be."""
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The settings {path} cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        raise BadInput(f"The settings {path.name} are not JSON ({error}). Correct that place.") from error
    return _built(values, kind, path.name, "")


def _built(values: Any, kind: type, file: str, place: str) -> Any:
    if not isinstance(values, dict):
        raise BadInput(f"{file}: {place or 'the file'} is {_named(values)}; it must be an object of settings.")
    hints, known = get_type_hints(kind), [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise BadInput(f"{file}: there is no setting '{_joined(place, name)}'. Here are: {', '.join(known)}.")
    for needed in fields(kind):
        if needed.default is MISSING and needed.default_factory is MISSING and needed.name not in values:
            raise BadInput(f"{file}: the setting '{_joined(place, needed.name)}' is missing. Add it.")
    built = {name: _value(value, hints[name], file, _joined(place, name)) for name, value in values.items()}
    try:
        return kind(**built)
    except ValueError as error:
        raise BadInput(f"{file}: {f'{place}: ' if place else ''}{error}") from error


def _value(value: Any, kind: Any, file: str, place: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return None
        return _value(value, next(k for k in get_args(kind) if k is not type(None)), file, place)
    if is_dataclass(kind):
        return _built(value, kind, file, place)
    if origin is tuple and isinstance(value, list):
        kinds = get_args(kind)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) == len(value):
            return tuple(_value(v, k, file, place) for v, k in zip(value, kinds, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    expected = getattr(kind, "__name__", str(kind)) if origin is None else str(kind)
    raise BadInput(f"{file}: '{place}' is {_named(value)}; it must be {EXPECTED.get(expected, expected)}.")


EXPECTED = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


def _named(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:36]} ..."


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
