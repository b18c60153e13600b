"""Values that code reaches, by value: a canonical encoding of whatever a global, default or closure cell may hold.

Data is encoded whole; functions, classes and modules inside it are handed to the walk that asks, which follows them.
What cannot be encoded is named by its type and noted.
"""

from __future__ import annotations

import copyreg
import datetime
import decimal
import enum
import functools
import inspect
import io
import logging
import os
import pathlib
import re
import reprlib
import sys
import threading
import types
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol

import polars as pl

from lineage.code_objects import code_digest
from lineage.code_pickles import pickled_names
from lineage.fingerprint import data_version

_SHOWN = 80
_SECRET = re.compile(r"pass(word|wd)?|secret|token|credential|api_?key|private", re.IGNORECASE)
_DEPTH = 60
_INERT = (logging.Logger, logging.LoggerAdapter, type(threading.Lock()), type(threading.RLock()), threading.local)
_PLAIN = (
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
    *(decimal.Decimal, uuid.UUID, range, slice, complex, type(Ellipsis), type(NotImplemented)),
)
FUNCTIONS = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodDescriptorType),
    functools._lru_cache_wrapper,
)
CODE = (type, types.ModuleType, *FUNCTIONS)
"""What is followed instead of being taken by value."""


_LEGIBLE = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset, type(None), *_PLAIN)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHOWN
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = _SHORT.maxdict = 10


class Follower(Protocol):
    """Who encodes a value: told of all code found in it."""

    def refer(self, value: Any) -> str:
        """Follows a function, class or module and returns what to write in its place."""

    def portable(self, text: str) -> str:
        """A path as text, without what differs between checkouts; any other text as it is."""

    def note(self, text: str) -> None:
        """Keeps a sentence about what could not be captured."""

    def scanned(self, plan: pl.LazyFrame) -> list[tuple[str, str]]:
        """The files that a plan scans, each with the digest of its bytes."""


def shown(name: str, value: Any) -> str:
    """A short text of a value for people; nothing of values whose name, or a name inside, speaks of secrets."""
    if not isinstance(value, _LEGIBLE):
        return type(value).__qualname__
    text = _SHORT.repr(value)
    if _SECRET.search(name) or _SECRET.search(text):
        return "***"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}\u2026"


def value_digest(value: Any, follower: Follower) -> str:
    """The digest of a value.

    Sets are taken without their order, which differs between hash seeds; everything else in its order. Objects that
    contain themselves are fine.
    """
    return sha256(_Encoder(follower).encode(value, 0)).hexdigest()


class _Encoder:
    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._open: dict[int, int] = {}

    def encode(self, value: Any, depth: int) -> bytes:
        kind = type(value)
        if kind is str:
            value = self._follower.portable(value)
        simple = _SIMPLE.get(kind)
        if simple is not None:
            return _tagged(simple[0], simple[1](value))
        if id(value) in self._open:
            return _tagged("cycle", b"%d" % (depth - self._open[id(value)]))
        if depth > _DEPTH:
            self._follower.note(f"a value nested deeper than {_DEPTH} levels is not captured whole")
            return _tagged("deep", kind.__qualname__.encode())
        self._open[id(value)] = depth
        try:
            return self._compound(value, kind, depth + 1)
        except Exception as error:  # noqa: BLE001 - objects may raise anything when looked at
            self._follower.note(f"a {kind.__module__}.{kind.__qualname__} cannot be captured: {error}")
            return _tagged("unknown", kind.__qualname__.encode())
        finally:
            del self._open[id(value)]

    def _compound(self, value: Any, kind: type, depth: int) -> bytes:
        if value is os.environ:
            self._follower.note("the environment as a whole is held by a value: which variables count is not captured")
            return _tagged("environ", b"")
        if kind in (tuple, list):
            return _tagged(kind.__name__, b"".join([self.encode(item, depth) for item in value]))
        if kind in (dict, types.MappingProxyType):
            module = _module_of(value)
            if module is not None:
                return _tagged("code", self._follower.refer(module).encode())
            return _tagged("dict", self._pairs(value, depth))
        if kind in (set, frozenset):
            return _tagged("set", b"".join(sorted(self.encode(item, depth) for item in value)))
        if isinstance(value, CODE):
            return _tagged("code", self._follower.refer(value).encode())
        if isinstance(value, _PLAIN):
            return _tagged(kind.__qualname__, repr(value).encode())
        if isinstance(value, enum.Enum):
            return _tagged("enum", self._refer(kind) + value.name.encode())
        return self._object(value, kind, depth)

    def _object(self, value: Any, kind: type, depth: int) -> bytes:
        special = next((encode for base, encode in _SPECIAL.items() if isinstance(value, base)), None)
        if isinstance(value, pl.LazyFrame):
            return _tagged(kind.__qualname__, self.encode((_plan(value), self._follower.scanned(value)), depth))
        if special is not None:
            return _tagged(kind.__qualname__, self.encode(special(value), depth))
        if kind.__module__ in ("typing", "types") and kind is not types.SimpleNamespace:
            # What stands in brackets may be any object, the address of which its text would show.
            said = getattr(value, "__origin__", kind.__qualname__) if hasattr(value, "__args__") else repr(value)
            names = ("__args__", "__metadata__", "__bound__")
            parts = [said, *(getattr(value, name, None) for name in names)]
            return _tagged("typing", b"".join([self.encode(part, depth) for part in parts]))
        if isinstance(value, _INERT):
            return _tagged("inert", kind.__qualname__.encode())
        if kind.__module__.startswith("assets_core.") and isinstance(getattr(value, "key", None), str):
            return _tagged("asset", self.encode(_asset(value), depth))
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if callable(wrapped):
            kept = {name: one for name, one in (_state(value) or {}).items() if name not in _COPIED}
            own = _tagged("state", self._pairs(kept, depth)) if kept else b""
            return _tagged("wrapper", self._refer(kind) + self._follower.refer(wrapped).encode() + own)
        if not any("__reduce_ex__" in vars(base) or "__reduce__" in vars(base) for base in kind.__mro__[:-1]):
            state = _state(value)
            if state is not None:
                return _tagged("object", self._refer(kind) + self._pairs(state, depth) + self._items(value, depth))
        return self._reduced(value, kind, depth)

    def _reduced(self, value: Any, kind: type, depth: int) -> bytes:
        """By the pieces that pickle would take it apart into, which sets and hash seeds cannot disturb."""
        try:
            reducer: Callable[[Any], Any] | None = copyreg.dispatch_table.get(kind)
            pieces = reducer(value) if reducer else value.__reduce_ex__(2)
        except Exception:  # noqa: BLE001 - any object may refuse in its own way
            pieces = None
        if not isinstance(pieces, tuple):
            self._follower.note(f"a {kind.__module__}.{kind.__qualname__} cannot be captured by value")
            return _tagged("unknown", self._refer(kind))
        made = [list(piece) if index in (3, 4) and piece is not None else piece for index, piece in enumerate(pieces)]
        return _tagged("reduced", self._refer(kind) + b"".join(self.encode(piece, depth) for piece in made))

    def _items(self, value: Any, depth: int) -> bytes:
        """What a subclass of a container holds beside its attributes."""
        if isinstance(value, dict):
            return self._pairs(value, depth)
        if isinstance(value, list | tuple):
            return b"".join(self.encode(item, depth) for item in value)
        if isinstance(value, set | frozenset):
            return b"".join(sorted(self.encode(item, depth) for item in value))
        plain: Any = next((base for base in (str, bytes, int, float) if isinstance(value, base)), None)
        return b"" if plain is None else self.encode(plain(value), depth)

    def _pairs(self, value: Mapping[Any, Any], depth: int) -> bytes:
        return b"".join([self.encode(key, depth) + self.encode(item, depth) for key, item in value.items()])

    def _refer(self, kind: type) -> bytes:
        return _tagged("type", self._follower.refer(kind).encode())


def _state(value: Any) -> dict[str, Any] | None:
    """The attributes of a plain Python object; None if some of it is out of sight in C."""
    kind = type(value)
    if not kind.__flags__ & (1 << 9):  # not a heap type: defined in C
        return None
    if any(not base.__flags__ & (1 << 9) and base not in _TRANSPARENT for base in kind.__mro__):
        return None
    state = dict(vars(value)) if hasattr(value, "__dict__") else {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                state[name] = getattr(value, name)
    return dict(sorted(state.items()))


_COPIED = frozenset((*functools.WRAPPER_ASSIGNMENTS, "__wrapped__", "__dict__", "__type_params__"))
"""What ``functools.update_wrapper`` gives to the object that takes a function's place."""
_TRANSPARENT = (object, dict, list, tuple, set, frozenset, str, bytes, int, float)


def _module_of(names: Mapping[Any, Any]) -> types.ModuleType | None:
    """The module whose names a mapping holds, as ``module.__dict__`` and ``globals()`` do; None for any other."""
    module = sys.modules.get(str(names["__name__"])) if "__spec__" in names and "__name__" in names else None
    return module if module is not None and vars(module) is names else None


def _asset(value: Any) -> Any:
    """What counts of an asset or source that code names: what computes it, not where it is declared."""
    return (value.key, getattr(value, "function", None), getattr(value, "sql", None))


def _frame(value: pl.DataFrame) -> Any:
    version = data_version(value, ordered=True)
    return [(name, str(dtype), version.columns[name]) for name, dtype in value.schema.items()]


def _plan(value: pl.LazyFrame) -> Any:
    buffer = io.BytesIO()
    value.serialize(buffer)
    return _with_functions(buffer.getvalue())


def _with_functions(data: bytes) -> Any:
    """A plan or an expression as polars serializes it, and the functions inside, which it names and does not hold."""
    named = pickled_names(data)
    return (data, named) if named else data


def _array(value: Any) -> Any:
    return (str(value.dtype), value.shape, value.tolist() if value.dtype.hasobject else value.tobytes())


_SPECIAL: dict[Any, Callable[[Any], Any]] = {
    pathlib.PurePath: str,
    types.CodeType: code_digest,
    re.Pattern: lambda value: (value.pattern, value.flags),
    functools.partial: lambda value: (value.func, value.args, value.keywords),
    pl.DataFrame: _frame,
    pl.Series: lambda value: _frame(value.to_frame()),
    pl.Expr: lambda value: _with_functions(value.meta.serialize()),
    pl.DataType: str,
    property: lambda value: (value.fget, value.fset, value.fdel),
    staticmethod: lambda value: value.__func__,
    classmethod: lambda value: value.__func__,
}
_SIMPLE: dict[type, tuple[str, Callable[[Any], bytes]]] = {
    type(None): ("None", lambda value: b""),
    bool: ("bool", lambda value: b"1" if value else b"0"),
    int: ("int", lambda value: b"%x" % value if value >= 0 else b"-%x" % -value),
    float: ("float", lambda value: value.hex().encode()),
    str: ("str", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: ("bytes", lambda value: value),
    bytearray: ("bytearray", bytes),
}


def register_loaded() -> None:
    """Teaches the encoding what libraries hold, once they are loaded; without them nothing can hold it."""
    numpy, pydantic = sys.modules.get("numpy"), sys.modules.get("pydantic.type_adapter")
    if numpy is not None:
        _SPECIAL.setdefault(numpy.ndarray, _array)
    if pydantic is not None:
        # What it makes of the type names classes by their addresses.
        _SPECIAL.setdefault(pydantic.TypeAdapter, lambda value: (value._type, value._config))


def is_dispatcher(value: Any) -> bool:
    """Whether a function was made by ``functools.singledispatch``."""
    return inspect.isfunction(value) and hasattr(value, "registry") and hasattr(value, "dispatch")


def _tagged(tag: str, body: bytes) -> bytes:
    return b"%b %d:%b" % (tag.encode(), len(body), body)
