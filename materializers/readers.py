"""CSV, JSON lines and Parquet files as lazy frames, and schemas found from the whole data."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from glob import escape
from io import BytesIO
from types import MappingProxyType
from typing import IO, Any, Literal

import polars as pl

from assets_core.errors import DataError
from lineage.dtypes import parse_dtype

_SAMPLE_ROWS = 1000
_JSON_TYPES: Mapping[Any, pl.DataType] = MappingProxyType(
    {
        **dict.fromkeys((pl.Int8, pl.Int16, pl.UInt8, pl.UInt16, pl.Duration), pl.Int64()),
        pl.Time: pl.String(),
    }
)
"""Types that polars' reader of JSON lines does not know, each with the one that is read instead and cast."""
FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What reading a file may raise; polars panics where it takes for granted what a file need not be like."""

Shape = tuple[tuple[str, str], ...]


def as_schema(shape: Shape) -> pl.Schema:
    """A recorded or declared schema as polars has it."""
    return pl.Schema({name: parse_dtype(text) for name, text in shape})


def as_shape(schema: pl.Schema) -> Shape:
    """A polars schema as records keep it."""
    return tuple((name, str(dtype)) for name, dtype in schema.items())


def scan(
    format: str,  # noqa: A002 -- the declaration's word
    paths: Sequence[str],
    options: Mapping[str, Any],
    schema: pl.Schema,
) -> pl.LazyFrame:
    """Files of one format below each other as one lazy frame, in the order given; nothing is guessed any more.

    Arguments:
        paths: at least one.
        options: what ``read_options.check_options`` returns.
        schema: every column with its type; columns are found by name.
    """
    if format == "parquet":
        hive = options.get("hive_partitioning", False)
        rows = pl.scan_parquet(list(paths), glob=False, hive_partitioning=hive, extra_columns="ignore")
        return rows.select(schema.names())
    if format == "jsonl":
        rows = pl.scan_ndjson(_json_texts(paths), schema=json_schema(schema))
        return rows.with_columns(json_casts(schema))
    given = {name: value for name, value in options.items() if name not in ("schema_overrides", "try_parse_dates")}
    extra: Literal["ignore", "raise"] = "ignore" if options.get("has_header", True) else "raise"
    return pl.scan_csv(list(paths), schema=schema, glob=False, extra_columns=extra, **given)


def _json_texts(paths: Sequence[str]) -> list[str] | list[IO[bytes]]:
    """JSON-lines files as polars takes them: by path; where one begins with a byte order mark, what is in them.

    Polars' reader does not know that mark, and takes no paths beside contents.
    """
    if not any(map(_is_marked, paths)):
        return [escape(path) for path in paths]
    contents: list[IO[bytes]] = []
    for path in paths:
        with open(path, "rb") as file:
            contents.append(BytesIO(file.read().removeprefix(BOM_UTF8)))
    return contents


def _is_marked(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def json_schema(schema: pl.Schema) -> pl.Schema:
    """A schema as polars' reader of JSON lines knows it; ``json_casts`` make the other types of what that gives."""
    return pl.Schema({name: _JSON_TYPES.get(dtype.base_type(), dtype) for name, dtype in schema.items()})


def json_casts(schema: pl.Schema) -> list[pl.Expr]:
    """Makes of columns read with ``json_schema`` those of the schema; a value that does not fit is an error."""
    return [
        pl.col(name).str.to_time() if dtype == pl.Time else pl.col(name).cast(dtype)
        for name, dtype in schema.items()
        if dtype.base_type() in _JSON_TYPES
    ]


def infer_schema(format: str, paths: Sequence[str], options: Mapping[str, Any]) -> pl.Schema:  # noqa: A002 -- the declaration's word
    """The schema that fits every value of every file; equal data gives an equal schema on every machine.

    Numbers and booleans are found from all rows of all files. With ``try_parse_dates``, a text column whose first
    thousand rows look like dates or times is one if all of its values can be read so. Costs one reading or two.

    Raises:
        DataError: HW313, the files do not have the same columns.
        polars.exceptions.PolarsError: a file is broken; ``read_errors.explain`` says where.
    """
    if format == "jsonl":
        paths = [path for path in paths if os.path.getsize(path)] or paths
    schemas = [_FINDERS[format](path, options) for path in paths]
    if len(schemas) == 1:
        return schemas[0]
    if format == "jsonl":
        return _widened(schemas)
    first = schemas[0]
    for path, schema in zip(paths, schemas, strict=True):
        if set(schema) != set(first):
            raise _unlike(path, _difference(first, schema, paths[0]))
        if format == "parquet" and schema != pl.Schema({name: first[name] for name in schema}):
            changed = [f"{name} is {schema[name]}, not {first[name]}" for name in schema if schema[name] != first[name]]
            raise _unlike(path, f"compared with {paths[0]} {', '.join(changed)}")
    if format == "parquet":
        return first
    return pl.Schema({name: _common(name, paths, schemas, options) for name in first})


def _widened(schemas: Sequence[pl.Schema]) -> pl.Schema:
    """All fields of JSON objects, because an object may leave out what it has no value for."""
    try:
        return pl.concat([pl.DataFrame(schema=schema) for schema in schemas], how="diagonal_relaxed").schema
    except pl.exceptions.SchemaError as error:
        raise _unlike("", str(error)) from error


def _common(name: str, paths: Sequence[str], schemas: Sequence[pl.Schema], options: Mapping[str, Any]) -> pl.DataType:
    """The type of a CSV column in all files: numbers widen, all else that differs is text.

    A file in which the column has no value at all says nothing, although polars calls it text.
    """
    types = {schema[name] for schema in schemas}
    if len(types) > 1 and pl.String() in types:
        types = {
            schema[name]
            for path, schema in zip(paths, schemas, strict=True)
            if schema[name] != pl.String or _has_values(path, name, schema, options)
        }
    if len(types) > 1 and not all(dtype.is_numeric() for dtype in types):
        return pl.String()
    return pl.concat(
        [pl.Series(name, [], dtype=dtype).to_frame() for dtype in sorted(types, key=str)], how="vertical_relaxed"
    ).schema[name]


def _has_values(path: str, name: str, schema: pl.Schema, options: Mapping[str, Any]) -> bool:
    values = scan("csv", [path], options, schema).select(pl.col(name).is_not_null().any())
    return bool(values.collect(engine="streaming").item())


def _unlike(path: str, why: str) -> DataError:
    return DataError(
        "HW313",
        "the files of a source do not have the same columns",
        where=path,
        why=why,
        hint="declare them as two sources, or give the files one form",
    )


def columns_of(format: str, path: str, options: Mapping[str, Any]) -> dict[str, pl.DataType | None] | None:  # noqa: A002 -- the declaration's word
    """What one file itself says of its columns: names, with types where the format has them; None where it says nothing
    before all is read, as JSON lines and CSV files without a header do.
    """
    if format == "parquet":
        return dict(_parquet_schema(path, options))
    if format == "csv" and options.get("has_header", True):
        given = {name: value for name, value in options.items() if name not in ("schema_overrides", "try_parse_dates")}
        return dict.fromkeys(pl.scan_csv(path, glob=False, infer_schema=False, **given).collect_schema())
    return None


def _csv_schema(path: str, options: Mapping[str, Any]) -> pl.Schema:
    found = pl.scan_csv(
        path, glob=False, infer_schema_length=None, **{**options, "try_parse_dates": False}
    ).collect_schema()
    return _with_dates(path, options, found) if options.get("try_parse_dates") else found


def _with_dates(path: str, options: Mapping[str, Any], found: pl.Schema) -> pl.Schema:
    """Adds dates to a schema: a guess from the first rows, kept for the columns where every value can be read so.

    Letting polars look for dates in all rows takes 20 times as long as reading them.
    """
    guessed = pl.scan_csv(path, glob=False, infer_schema_length=_SAMPLE_ROWS, **options).collect_schema()
    temporal = {
        name: dtype
        for name, dtype in guessed.items()
        if dtype.is_temporal() and found[name] == pl.String and name not in options.get("schema_overrides", {})
    }
    if not temporal:
        return found
    if _readable(path, options, found, temporal):
        return pl.Schema({**found, **temporal})
    kept = {name: dtype for name, dtype in temporal.items() if _readable(path, options, found, {name: dtype})}
    return pl.Schema({**found, **kept})


def _readable(path: str, options: Mapping[str, Any], found: pl.Schema, types: Mapping[str, pl.DataType]) -> bool:
    try:
        frame = scan("csv", [path], options, pl.Schema({**found, **types}))
        frame.select(pl.col(*types).null_count()).collect(engine="streaming")
    except pl.exceptions.ComputeError:
        return False
    return True


def _json_schema(path: str, options: Mapping[str, Any]) -> pl.Schema:
    return pl.scan_ndjson(
        _json_texts([path]), infer_schema_length=None, schema_overrides=options.get("schema_overrides")
    ).collect_schema()


def _parquet_schema(path: str, options: Mapping[str, Any]) -> pl.Schema:
    return pl.scan_parquet(path, glob=False, hive_partitioning=options.get("hive_partitioning", False)).collect_schema()


_FINDERS: Mapping[str, Callable[[str, Mapping[str, Any]], pl.Schema]] = MappingProxyType(
    {"csv": _csv_schema, "jsonl": _json_schema, "parquet": _parquet_schema}
)


def _difference(first: pl.Schema, other: pl.Schema, path: str) -> str:
    missing = [name for name in first if name not in other]
    extra = [name for name in other if name not in first]
    parts = [f"{what} {_listed(names)}" for what, names in (("it lacks", missing), ("it also has", extra)) if names]
    return f"compared with {path} {' and '.join(parts)}"


def _listed(names: Sequence[str]) -> str:
    """The first few names, cut where they are long: what is no CSV file may have whole pages in its header."""
    shown = ", ".join(repr(name if len(name) <= 40 else f"{name[:40]}…") for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
