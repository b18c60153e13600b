"""What can be read off functions, compiled code and class attributes without following anything."""

from __future__ import annotations

import dataclasses
import dis
import functools
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from hashlib import sha256
from types import CodeType, FunctionType, ModuleType
from typing import Any

from lineage.code_syntax import Chain

_LOADS_OUTER = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
MISSING = object()
"""Stands for a name that leads nowhere."""
_GENERATED = frozenset({"_abc_impl", "model_fields", "model_computed_fields", "model_config"})


def code_digest(code: CodeType) -> str:
    """The digest of compiled code, where there is no source: it holds for one Python minor version."""
    hashed = sha256()
    inner = [code_digest(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_kwonlyargcount, code.co_flags)
    hashed.update(repr((sys.version_info[:2], code.co_code, names, inner)).encode())
    return hashed.hexdigest()


def _constant(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(repr, value))}"
    return f"{type(value).__name__} {value!r}"


def outer_names(code: CodeType) -> set[str]:
    """Names that the code, or code inside it, looks up as globals.

    ``co_names`` holds names of attributes too. Where one of those is also a local variable, the instructions decide.
    """
    codes = _with_inner(code)
    local = {name for one in codes for name in (*one.co_varnames, *one.co_cellvars, *one.co_freevars)}
    names: set[str] = set()
    for one in codes:
        if local.isdisjoint(one.co_names):
            names.update(one.co_names)
        else:
            names.update(step.argval for step in dis.get_instructions(one) if step.opname in _LOADS_OUTER)
    return names


def _with_inner(code: CodeType) -> list[CodeType]:
    inner = [one for constant in code.co_consts if isinstance(constant, CodeType) for one in _with_inner(constant)]
    return [code, *inner]


def defaults(function: FunctionType) -> list[tuple[str, Any]]:
    """The arguments that have defaults, with their values."""
    code, given = function.__code__, function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    pairs = list(zip(positional[len(positional) - len(given) :], given, strict=True))
    return pairs + sorted((function.__kwdefaults__ or {}).items())


def cells(function: FunctionType) -> dict[str, Any]:
    """The captured variables of a closure that are assigned, with their values."""
    found = {}
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[variable] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def underlying(value: Any) -> list[Any] | None:
    """The functions behind a class attribute, or what decorators left in their place; None if it is data."""
    if isinstance(value, property):
        return [one for one in (value.fget, value.fset, value.fdel) if one is not None]
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, functools.cached_property):
        value = value.func
    return [value] if isinstance(value, FunctionType) or callable(getattr(value, "__wrapped__", None)) else None


def made_up(function: Any) -> bool:
    """Whether a function was compiled from text that stands in no file."""
    inner = inspect.unwrap(function)
    return isinstance(inner, FunctionType) and inner.__code__.co_filename.startswith("<")


def is_loaded(cls: type) -> bool:
    """Whether a class is of its module as it is loaded now: an earlier load may have left subclasses behind."""
    methods = [one for one in vars(cls).values() if isinstance(one, FunctionType)]
    scope = getattr(sys.modules.get(cls.__module__), "__dict__", None)
    return not methods or any(method.__globals__ is scope for method in methods)


def is_generated(cls: type, attribute: str, value: Any) -> bool:
    """Whether a class attribute was put there by Python or by a library, from what the class's text says."""
    if (
        attribute.startswith("__")
        or attribute in _GENERATED
        or (attribute.startswith("_") and hasattr(cls, "__members__"))
    ):
        return True
    return isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType | types.WrapperDescriptorType)


def values_of_fields(cls: type) -> Iterator[tuple[str, Any]]:
    """Members of an enumeration and defaults of fields, with their values: a class need not keep them as attributes.

    Settings and resources are left out: what they are filled with counts or does not, whatever the default says.
    """
    if issubclass(cls, Enum):
        yield from ((f"{name}.value", member.value) for name, member in cls.__members__.items())
    for field in getattr(cls, "__dataclass_fields__", {}).values():
        yield from (
            (field.name, one) for one in (field.default, field.default_factory) if one is not dataclasses.MISSING
        )
    if all(base.__module__ != "assets_core.settings" for base in cls.__mro__):
        for name, field in getattr(cls, "__pydantic_fields__", {}).items():
            if not field.is_required():
                yield (name, field.default) if field.default_factory is None else (name, field.default_factory)


def resolved(chain: Chain, scope: Mapping[str, Any]) -> tuple[Any, Chain]:
    """The value that a dotted name leads to through modules, and the attributes that are left."""
    value, rest = scope.get(chain[0], MISSING), chain[1:]
    while isinstance(value, ModuleType) and rest:
        value, rest = getattr(value, rest[0], MISSING), rest[1:]
    return value, rest
