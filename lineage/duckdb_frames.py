"""Frames on their way to a query of DuckDB, with the types that it would not take from polars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl

from assets_core.errors import DataError

if TYPE_CHECKING:
    import duckdb

_DIGITS = pl.Decimal(38, 0)
"""Integers of 128 bits inside lists and structs; a column of them is a HUGEINT or UHUGEINT."""


def hand_over(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, where: str) -> str:
    """Registers a frame under a name, and returns the query that gives its columns with all their values.

    Arguments:
        table: a name without quotes in it, to be unregistered by whoever asked.
        where: what the frame is read for, to be named in an error.

    Raises:
        DataError: HW323, a column holds Python objects, arrays without elements, or a number of more than 38
            digits in a list or struct.
    """
    restored = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Int128 | pl.UInt128):
            carrier: pl.DataType = pl.String()
            kind = "HUGEINT" if isinstance(dtype, pl.Int128) else "UHUGEINT"
            quoted = '"' + name.replace('"', '""') + '"'
            restored.append(f"cast({quoted} as {kind}) as {quoted}")
        else:
            carrier = _carrier(dtype, name, where)
        if carrier != dtype:
            try:
                frame = frame.with_columns(pl.col(name).cast(carrier))
            except pl.exceptions.PolarsError:
                raise _refused(name, "a number in it has more than 38 digits", where) from None
    connection.register(table, frame.to_arrow())
    return f'select *{" replace (" + ", ".join(restored) + ")" if restored else ""} from "{table}"'  # noqa: S608 -- quoted


def _carrier(dtype: pl.DataType, name: str, where: str) -> pl.DataType:
    """The type as which DuckDB takes all values of a type; mostly itself."""
    if isinstance(dtype, pl.Object):
        raise _refused(name, "it holds Python objects", where)
    if isinstance(dtype, pl.Int128 | pl.UInt128):
        return _DIGITS
    if isinstance(dtype, pl.Float16):
        return pl.Float32()
    if isinstance(dtype, pl.List):
        return pl.List(_carrier(cast(Any, dtype.inner), name, where))
    if isinstance(dtype, pl.Array):
        if not dtype.size:  # polars panics where it comes back
            raise _refused(name, "it holds arrays without elements", where)
        return pl.Array(_carrier(cast(Any, dtype.inner), name, where), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _carrier(cast(Any, field.dtype), name, where) for field in dtype.fields})
    return dtype


def _refused(name: str, why: str, where: str) -> DataError:
    return DataError(
        "HW323", f"column {name!r} cannot be handed to DuckDB", where=where, why=why,
        hint="leave it out, or turn it into plain types before it is stored",
    )  # fmt: skip
