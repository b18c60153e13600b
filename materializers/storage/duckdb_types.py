"""Data types on their way through DuckDB: stand-ins for those that it would change, and back.

DuckDB keeps most types of polars to the bit. The others travel as a type that holds the same values: categories and
enums as text, durations as a number of their unit, 128-bit integers as digits, half floats as floats, milliseconds
with a time zone as UTC without one. What has no such stand-in is refused before anything is written.
"""

from __future__ import annotations

from typing import Any, cast

import polars as pl

from assets_core.errors import StorageError

_KEPT = (
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64),
    *(pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Decimal, pl.Null),
)
"""What DuckDB gives back to the bit; whatever is not known to be among it is refused."""


def carrier(dtype: pl.DataType) -> pl.DataType | None:
    """The type as which values of ``dtype`` are stored; ``dtype`` itself where DuckDB gives it back as it is.

    Returns:
        None where there is no faithful way.
    """
    if isinstance(dtype, pl.List):
        inner = carrier(_plain(dtype.inner))
        return None if inner is None else pl.List(inner)
    if isinstance(dtype, pl.Array):
        if not dtype.size:
            return None
        inner = carrier(_plain(dtype.inner))
        return None if inner is None else pl.Array(inner, dtype.size)
    if isinstance(dtype, pl.Struct):
        fields = [(field.name, carrier(_plain(field.dtype))) for field in dtype.fields]
        names = {name.lower() for name, _ in fields}
        if not fields or len(names) < len(fields) or "" in names or any(inner is None for _, inner in fields):
            return None
        return pl.Struct({name: inner for name, inner in fields if inner is not None})
    return _scalar(dtype)


def check_schema(schema: pl.Schema, *, where: str) -> None:
    """Refuses what a DuckDB table cannot hold.

    Raises:
        StorageError: HW424, no columns; two names that differ only in case; a type without a faithful stand-in.
    """
    if not schema:
        raise StorageError(
            "HW424", "a DuckDB table has at least one column", where=where, hint="keep the asset in a Parquet storage"
        )
    seen: dict[str, str] = {}
    for name, dtype in schema.items():
        other = seen.setdefault(name.lower(), name)
        if other != name or not name or "\0" in name:
            why = f"there is {other!r} as well, and DuckDB takes the two for one" if other != name else ""
            raise StorageError(
                "HW424", f"a DuckDB table cannot have a column named {name!r}", where=where, why=why, hint="rename it"
            )
        if carrier(_plain(dtype)) is None:
            raise StorageError(
                "HW424",
                f"DuckDB cannot hold the type of column {name!r}",
                where=where,
                why=f"it is {dtype}",
                hint="turn it into plain types before it is returned, or keep the asset in a Parquet storage",
            )


def to_carriers(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with stand-ins for what DuckDB would change."""
    changed = [
        encode(pl.col(name), dtype).alias(name) for name, dtype in frame.schema.items() if carrier(dtype) != dtype
    ]
    return frame.with_columns(changed) if changed else frame


def from_carriers(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What DuckDB gave back in the types of the schema, whose columns the frame has."""
    changed = [decode(pl.col(name), dtype).alias(name) for name, dtype in schema.items() if frame.schema[name] != dtype]
    return frame.with_columns(changed) if changed else frame


def encode(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An expression of type ``dtype`` as its stand-in."""
    if carrier(dtype) == dtype:
        return value
    if isinstance(dtype, pl.List):
        return value.list.eval(encode(pl.element(), _plain(dtype.inner)))
    if isinstance(dtype, pl.Array):
        inner = carrier(_plain(dtype.inner))
        lists = value.arr.to_list().list.eval(encode(pl.element(), _plain(dtype.inner)))
        return lists.cast(pl.Array(cast(Any, inner), dtype.size))
    if isinstance(dtype, pl.Struct):
        fields = [encode(value.struct.field(one.name), _plain(one.dtype)).alias(one.name) for one in dtype.fields]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if isinstance(dtype, pl.Duration):
        return value.to_physical()
    if isinstance(dtype, pl.Datetime):
        return value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return value.cast(cast(Any, carrier(dtype)))


def decode(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The inverse of ``encode``; also puts the time zone back that DuckDB forgets."""
    if isinstance(dtype, pl.List):
        return value.list.eval(decode(pl.element(), _plain(dtype.inner)))
    if isinstance(dtype, pl.Array):
        return value.arr.to_list().list.eval(decode(pl.element(), _plain(dtype.inner))).cast(dtype)
    if isinstance(dtype, pl.Struct):
        fields = [decode(value.struct.field(one.name), _plain(one.dtype)).alias(one.name) for one in dtype.fields]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        if dtype.time_unit == "ms":
            value = value.dt.replace_time_zone("UTC")
        return value.dt.convert_time_zone(dtype.time_zone)
    return value.cast(dtype)


def _scalar(dtype: pl.DataType) -> pl.DataType | None:
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Int128 | pl.UInt128):
        return pl.String()
    if isinstance(dtype, pl.Duration):
        return pl.Int64()
    if isinstance(dtype, pl.Float16):
        return pl.Float32()
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None and dtype.time_unit == "ms":
        return pl.Datetime("ms")
    return dtype if isinstance(dtype, _KEPT) else None


def _plain(dtype: Any) -> pl.DataType:
    """Polars types the inside of nested types as a class or an instance; in a schema it is always an instance."""
    return cast(pl.DataType, dtype)
