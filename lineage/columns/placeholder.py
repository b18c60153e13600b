"""Typed, data-free frames that stand for inputs while a plan is built.

A placeholder is a scan by a Python function that refuses to run. Reader and schema travel through polars'
serialization as nothing but their import path and the input's name: so a plan built on placeholders serializes
alike in every process, at every place, and whatever columns the input has that the plan does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import polars as pl

from assets_core.errors import LineageError, UsageError, did_you_mean

DtypeLike: TypeAlias = pl.DataType | type | str
"""A polars dtype, its class, a Python type that polars understands, or the dtype's name (``"Int64"``)."""


@dataclass(slots=True)
class BuildLog:
    """What happened to the placeholders while a user's function built its plan.

    ``inspected`` and ``executed`` hold names of inputs: those whose schema was asked for, so that the plan may
    depend on columns it does not name, and those that something tried to run, so that the plan is not the whole
    truth about the function.
    """

    inspected: set[str] = field(default_factory=set)
    executed: set[str] = field(default_factory=set)
    open: bool = True


_current: ContextVar[BuildLog | None] = ContextVar("headwater_build_log", default=None)


@contextmanager
def watching() -> Iterator[BuildLog]:
    """Gathers what happens to placeholders made inside the block, until the block ends."""
    log = BuildLog()
    token = _current.set(log)
    try:
        yield log
    finally:
        log.open = False
        _current.reset(token)


class InsidePolarsError(LineageError):
    """A lineage error raised in a function that polars calls.

    Polars makes such an error anew from its text to say in which expression it arose; so one text is enough.
    """

    def __init__(self, code: str, what: str = "", *, where: str = "", why: str = "", hint: str = "") -> None:
        if not what:
            code, _, what = code.partition(" ")
            what, _, why = what.partition("\n")
        super().__init__(code, what, where=where, why=why.strip(), hint=hint)


class Fields(pl.Schema):
    """A schema that polars takes over quickly: it asks for an empty frame, which is made once."""

    _frame: pl.DataFrame | None = None

    def to_frame(self, *, eager: bool = True) -> Any:
        """An empty frame of this schema."""
        if self._frame is None:
            self._frame = pl.DataFrame(schema=dict(self))
        return self._frame if eager else self._frame.lazy()


class PlaceholderReader:
    """The scan function of a placeholder; pickles as its name alone."""

    __slots__ = ("log", "name", "schema")

    def __init__(self, name: str, schema: pl.Schema | None = None, log: BuildLog | None = None) -> None:
        self.name = name
        self.schema = schema
        self.log = log

    def __call__(self, *_: object) -> object:
        """Refuses: there is no data behind a placeholder."""
        if self.log is not None and self.log.open:
            self.log.executed.add(self.name)
        raise InsidePolarsError(
            "HW201",
            f"the placeholder of input {self.name!r} was executed",
            where=self.name,
            why="a plan is built on typed frames without data, so nothing in it can be collected yet",
            hint="return the LazyFrame without collect(), or annotate the input as pl.DataFrame",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (PlaceholderReader, (self.name,))


class PlaceholderSchema:
    """The schema function of a placeholder; pickles as its name alone, and notes each time it is asked."""

    __slots__ = ("reader",)

    def __init__(self, reader: PlaceholderReader) -> None:
        self.reader = reader

    def __call__(self) -> pl.Schema:
        """The schema, noting that somebody wanted it."""
        reader = self.reader
        if reader.log is not None and reader.log.open:
            reader.log.inspected.add(reader.name)
        if reader.schema is None:
            raise InsidePolarsError(
                "HW202", f"the schema of input {reader.name!r} is not known here", where=reader.name
            )
        return reader.schema

    def __reduce__(self) -> tuple[object, ...]:
        return (_schema_of, (self.reader.name,))


_scan_with_schema_function: Callable[..., Any] | None = getattr(
    type(pl.LazyFrame()._ldf), "scan_from_python_function_schema_function", None
)
_known: ContextVar[Mapping[str, Mapping[str, pl.DataType]] | None] = ContextVar("headwater_known_schemas", default=None)


@contextmanager
def schemas_known(schemas: Mapping[str, Mapping[str, pl.DataType]]) -> Iterator[None]:
    """Gives placeholders that are unpickled inside the block the schemas of these names."""
    token = _known.set(schemas)
    try:
        yield
    finally:
        _known.reset(token)


def _schema_of(name: str) -> PlaceholderSchema:
    schema = (_known.get() or {}).get(name)
    return PlaceholderSchema(PlaceholderReader(name, None if schema is None else pl.Schema(schema)))


def placeholder(name: str, schema: Mapping[str, DtypeLike], *, log: BuildLog | None = None) -> pl.LazyFrame:
    """A LazyFrame with a schema and a name but no data, for building plans whose lineage is wanted.

    Arguments:
        name: the name under which the input appears in lineages and digests.
        schema: column names to polars dtypes, their classes, Python types, or names of dtypes, in order; several
            placeholders may share one ``Fields``.
        log: where inspections and executions are noted; inside ``watching()`` its log is the default.

    Returns:
        a lazy frame; running it, or anything built on it, raises ``LineageError`` HW201.

    Raises:
        UsageError: a dtype is not understood (HW203).
    """
    fields = schema if isinstance(schema, Fields) else Fields({column: as_dtype(one) for column, one in schema.items()})
    reader = PlaceholderReader(name, fields, log if log is not None else _current.get())
    return _scan(PlaceholderSchema(reader), reader)


def _scan(schema: PlaceholderSchema, reader: PlaceholderReader) -> pl.LazyFrame:
    frame: pl.LazyFrame
    if _scan_with_schema_function is None:
        frame = pl.LazyFrame._scan_python_function(schema, reader, is_pure=True)
    else:  # what the line above comes to, without its import of pyarrow
        inner = _scan_with_schema_function(schema, reader, validate_schema=False, is_pure=True)
        frame = pl.LazyFrame._from_pyldf(inner)
    return frame


def as_dtype(dtype: DtypeLike) -> pl.DataType:
    """The polars dtype that is meant by a dtype, a class, a Python type or a text such as ``"List(Int64)"``.

    Raises:
        UsageError: it is not understood (HW203).
    """
    if isinstance(dtype, pl.DataType):
        return dtype
    try:
        if isinstance(dtype, str):
            return _parsed(dtype)
        if issubclass(dtype, pl.DataType):
            return dtype()
        return _instance(pl.DataType.from_python(dtype))
    except (TypeError, ValueError, SyntaxError) as error:
        hint = did_you_mean(dtype, _dtype_names()) if isinstance(dtype, str) else ""
        raise UsageError("HW203", f"{dtype!r} is no polars dtype", why=str(error), hint=hint) from error


def _instance(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype if isinstance(dtype, pl.DataType) else dtype()
    return made


def _dtype_names() -> dict[str, object]:
    return {
        name: value
        for name, value in vars(pl.datatypes).items()
        if isinstance(value, type) and issubclass(value, pl.DataType)
    }


_cache: dict[str, pl.DataType] = {}


def _parsed(text: str) -> pl.DataType:
    known = _cache.get(text)
    if known is None:
        known = _cache[text] = _build(text)
    return known


def _build(text: str) -> pl.DataType:
    """Evaluates the text of a dtype: calls of dtype classes with literal arguments, nothing else."""
    import ast

    names = _dtype_names()

    def value(node: ast.expr) -> object:
        if isinstance(node, ast.Name) and node.id in names:
            return names[node.id]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            made = names[node.func.id]
            keywords = {k.arg: value(k.value) for k in node.keywords if k.arg is not None}
            return made(*map(value, node.args), **keywords)  # type: ignore[operator]
        if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
            return {value(key): value(item) for key, item in zip(node.keys, node.values, strict=True) if key}
        if isinstance(node, ast.List):
            return [value(item) for item in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple(map(value, node.elts))
        if isinstance(node, ast.Constant):
            return node.value
        raise ValueError(f"unknown dtype {ast.unparse(node)}")

    found = value(ast.parse(text, mode="eval").body)
    if isinstance(found, type) and issubclass(found, pl.DataType):
        return found()
    if isinstance(found, pl.DataType):
        return found
    raise ValueError(f"unknown dtype {text}")
