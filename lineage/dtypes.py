"""Polars data types as text and back, without evaluating anything.

The text is what ``str(dtype)`` prints, so that records, settings and messages need no second spelling;
a few friendly names (``int``, ``"string"``, ``datetime``) are read as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast, get_args, get_origin

import polars as pl

from assets_core.errors import DefinitionError, did_you_mean

_PLAIN: Mapping[str, Callable[[], pl.DataType]] = MappingProxyType(
    {
        cls.__name__: cls
        for cls in (
            *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128),
            *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128),
            *(pl.Float16, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary),
            *(pl.Date, pl.Time, pl.Null, pl.Object, pl.Categorical),
        )
    }
    | {
        "Datetime": lambda: pl.Datetime("us"),
        "Duration": lambda: pl.Duration("us"),
        "Decimal": lambda: pl.Decimal(38, 0),
    }
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "int": "Int64",
        "integer": "Int64",
        "bigint": "Int64",
        "float": "Float64",
        "double": "Float64",
        "real": "Float32",
        "str": "String",
        "string": "String",
        "text": "String",
        "varchar": "String",
        "utf8": "String",
        "bool": "Boolean",
        "bytes": "Binary",
        "blob": "Binary",
        "timestamp": "Datetime",
        "timedelta": "Duration",
        "interval": "Duration",
        "none": "Null",
        "numeric": "Decimal",
        "category": "Categorical",
    }
)
_NESTED = ("List", "Array", "Struct", "Map", "Enum", "Extension")
_NAMES = (*_PLAIN, *_NESTED)
_BY_LOWER: Mapping[str, str] = MappingProxyType({name.lower(): name for name in _NAMES} | dict(_ALIASES))
_PYTHON: Mapping[type, str] = MappingProxyType(
    {
        bool: "Boolean",
        int: "Int64",
        float: "Float64",
        str: "String",
        bytes: "Binary",
        date: "Date",
        datetime: "Datetime",
        time: "Time",
        timedelta: "Duration",
        Decimal: "Decimal",
        type(None): "Null",
    }
)


@lru_cache(4096)
def parse_dtype(text: str) -> pl.DataType:
    """Reads a data type as ``str(dtype)`` prints it, or by one of its friendly names.

    Arguments:
        text: such as ``"Int64"``, ``"List(Struct({'a': Int8}))"``, ``"Decimal(10, 2)"``, ``"int"``; letter case
            of names does not count.

    Raises:
        DefinitionError: HW181, the text is no data type; the hint names the nearest one.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return _type(tree)
    except _NoTypeError as error:
        raise DefinitionError(
            "HW181", f"{text!r} is no data type", why=error.why, hint=did_you_mean_type(error.name or text)
        ) from None
    except (SyntaxError, ValueError, TypeError, RecursionError, OverflowError, pl.exceptions.PolarsError) as error:
        raise DefinitionError(
            "HW181", f"{text!r} is no data type", why=str(error), hint=did_you_mean_type(text)
        ) from None


def dtype_text(dtype: Any) -> str:
    """The text of a data type; the inverse of ``parse_dtype``.

    Arguments:
        dtype: a polars data type or its class, a Python type (``int``, ``list[str]``), or text that is normalised.

    Raises:
        DefinitionError: HW181, it is none of these.
    """
    return str(as_dtype(dtype))


def as_dtype(dtype: Any) -> pl.DataType:
    """The polars data type for what a person may write in ``schema={...}``: see ``dtype_text``."""
    if isinstance(dtype, pl.DataType):
        return dtype
    if isinstance(dtype, str):
        return parse_dtype(dtype)
    if get_origin(dtype) is list and len(get_args(dtype)) == 1:
        return pl.List(as_dtype(get_args(dtype)[0]))
    if dtype is None:
        return pl.Null()
    if isinstance(dtype, type):
        if dtype in _PYTHON:
            return _PLAIN[_PYTHON[dtype]]()
        if issubclass(dtype, pl.DataType) and dtype.__name__ in _PLAIN:
            return _PLAIN[dtype.__name__]()
    raise DefinitionError(
        "HW181",
        f"{dtype!r} is no data type",
        hint="use a polars data type, its name, or a Python type such as int, str or datetime",
    )


def did_you_mean_type(text: str) -> str:
    """A hint that names the data type nearest to a wrong name."""
    name = text.strip().partition("(")[0].strip()
    near = did_you_mean(name, _BY_LOWER)
    if not near:
        return "use the name of a polars data type, such as Int64, String, Date or Datetime('us')"
    return did_you_mean(name, _NAMES) or near


class _NoTypeError(Exception):
    """A part of the text that is no type; ``name`` is the unknown name, if that is what is wrong."""

    def __init__(self, why: str, name: str = "") -> None:
        self.why = why
        self.name = name
        super().__init__(why)


def _type(node: ast.expr) -> pl.DataType:
    if isinstance(node, ast.Constant):
        if node.value is None:
            return pl.Null()
        if isinstance(node.value, str):
            return _type(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.Name):
        return _named(node.id, [], {})
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("pl", "polars"):
        return _named(node.attr, [], {})
    if isinstance(node, ast.Call):
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        if len(keywords) != len(node.keywords):
            raise _NoTypeError("'**' cannot be used in a data type")
        return _named(name, node.args, keywords)
    raise _NoTypeError(f"{ast.unparse(node)!r} is no data type")


def _named(text: str, args: Sequence[ast.expr], keywords: Mapping[str, ast.expr]) -> pl.DataType:
    name = _BY_LOWER.get(text.lower())
    if name is None:
        raise _NoTypeError(f"there is no data type {text!r}", text)
    if name in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[name](_Arguments(name, args, keywords))
    if args or keywords:
        raise _NoTypeError(f"{name} takes no arguments")
    return _PLAIN[name]()


class _Arguments:
    """The arguments of one type, each asked for once by name and place."""

    def __init__(self, owner: str, args: Sequence[ast.expr], keywords: Mapping[str, ast.expr]) -> None:
        self.owner = owner
        self.args = args
        self.keywords = dict(keywords)

    def bind(self, *names: str) -> dict[str, ast.expr]:
        """The given arguments under their names; refuses one too many, unknown or given twice."""
        if len(self.args) > len(names):
            raise _NoTypeError(f"{self.owner} takes at most {len(names)} arguments")
        given = dict(zip(names, self.args, strict=False))
        for name, node in self.keywords.items():
            if name not in names or name in given:
                raise _NoTypeError(f"{self.owner} has no place for the argument {name!r}")
            given[name] = node
        return given


def _literal(node: ast.expr | None, kind: type, default: Any = None) -> Any:
    if node is None:
        return default
    value = ast.literal_eval(node)
    if value is None:
        return default
    if type(value) is not kind:
        raise _NoTypeError(f"{ast.unparse(node)} should be of type {kind.__name__}")
    return value


def _unit(node: ast.expr | None) -> Any:
    unit = _literal(node, str, "us")
    if unit not in ("ms", "us", "ns"):
        raise _NoTypeError(f"{unit!r} is no time unit; use 'ms', 'us' or 'ns'")
    return unit


def _datetime(arguments: _Arguments) -> pl.DataType:
    given = arguments.bind("time_unit", "time_zone")
    return pl.Datetime(_unit(given.get("time_unit")), _literal(given.get("time_zone"), str))


def _duration(arguments: _Arguments) -> pl.DataType:
    return pl.Duration(_unit(arguments.bind("time_unit").get("time_unit")))


def _decimal(arguments: _Arguments) -> pl.DataType:
    given = arguments.bind("precision", "scale")
    precision, scale = _literal(given.get("precision"), int, 38), _literal(given.get("scale"), int, 0)
    if not 0 <= scale <= precision <= 38 or precision < 1:
        raise _NoTypeError("a decimal has 1 to 38 digits, of which at most all are behind the point")
    return pl.Decimal(precision, scale)


def _categorical(arguments: _Arguments) -> pl.DataType:
    node = arguments.bind("categories").get("categories")
    if node is None:
        return pl.Categorical()
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("Categories", "pl.Categories")):
        raise _NoTypeError(f"{ast.unparse(node)!r} is no Categories(...)")
    keywords = {keyword.arg or "**": keyword.value for keyword in node.keywords}
    given = _Arguments("Categories", node.args, keywords).bind("name", "namespace", "physical")
    physical = _type(given["physical"]) if "physical" in given else pl.UInt32()
    name, namespace = (_literal(given.get(text), str, "") for text in ("name", "namespace"))
    return pl.Categorical(pl.Categories(name, namespace=namespace, physical=cast(Any, type(physical))))


def _enum(arguments: _Arguments) -> pl.DataType:
    node = arguments.bind("categories").get("categories")
    if node is None:
        raise _NoTypeError("Enum needs its categories")
    categories = _literal(node, list, [])
    if not all(isinstance(item, str) for item in categories):
        raise _NoTypeError("the categories of an Enum are texts")
    return pl.Enum(categories)


def _extension(arguments: _Arguments) -> pl.DataType:
    given = arguments.bind("name", "storage", "metadata")
    if "name" not in given or "storage" not in given:
        raise _NoTypeError("Extension needs a name and the type of what is stored")
    name, metadata = _literal(given["name"], str), _literal(given.get("metadata"), str)
    return pl.Extension(name, _type(given["storage"]), metadata)


def _list(arguments: _Arguments) -> pl.DataType:
    inner = arguments.bind("inner").get("inner")
    if inner is None:
        raise _NoTypeError("List needs the type of its items")
    return pl.List(_type(inner))


def _array(arguments: _Arguments) -> pl.DataType:
    given = arguments.bind("inner", "shape")
    if len(given) != 2:
        raise _NoTypeError("Array needs the type of its items and its shape")
    shape = ast.literal_eval(given["shape"])
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if not sizes or not all(type(size) is int and size >= 0 for size in sizes):
        raise _NoTypeError(f"{ast.unparse(given['shape'])} is no shape")
    return pl.Array(_type(given["inner"]), sizes)


def _map(arguments: _Arguments) -> pl.DataType:
    given = arguments.bind("key", "value")
    if len(given) != 2:
        raise _NoTypeError("Map needs the types of its keys and of its values")
    return pl.Map(_type(given["key"]), _type(given["value"]))


def _struct(arguments: _Arguments) -> pl.DataType:
    fields = arguments.bind("fields").get("fields")
    if fields is None:
        raise _NoTypeError("Struct needs the names and types of its fields")
    if not isinstance(fields, ast.Dict):
        raise _NoTypeError("Struct needs a mapping of names to types")
    names = [_literal(key, str) for key in fields.keys]
    if len(set(names)) != len(names) or None in names:
        raise _NoTypeError("the fields of a Struct have names, each once")
    return pl.Struct([pl.Field(name, _type(node)) for name, node in zip(names, fields.values, strict=True)])


_WITH_ARGUMENTS: Mapping[str, Callable[[_Arguments], pl.DataType]] = MappingProxyType(
    {
        "Datetime": _datetime,
        "Duration": _duration,
        "Decimal": _decimal,
        "Categorical": _categorical,
        "Enum": _enum,
        "Extension": _extension,
        "List": _list,
        "Array": _array,
        "Struct": _struct,
        "Map": _map,
    }
)
