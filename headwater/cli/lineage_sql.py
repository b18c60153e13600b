"""Lineage of a file of SQL, without any project."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets_core.errors import UsageError

if TYPE_CHECKING:
    from assets_core.column_lineage import ColumnLineage
    from headwater.report.flow import Walk


def lineage_of_sql(file: str, dialect: str, schema_file: str | None) -> list[ColumnLineage]:
    """The lineage of every statement of a file.

    Arguments:
        file: a path, or ``-`` for standard input.
        schema_file: JSON of the columns of known tables.

    Raises:
        UsageError: HW621, a file cannot be read.
        LineageError: the SQL cannot be read.
    """
    from lineage import sql_script_lineage

    schema = _schema(schema_file) if schema_file is not None else None
    return sql_script_lineage(_read(file), dialect=dialect, schema=schema)


def walks_of_sql(lineages: Sequence[ColumnLineage], direct: bool) -> list[Walk]:
    """The same as walks, to be drawn; ``direct``: only influences that carry values."""
    from headwater.report.flow import walk_of_query

    return [walk_of_query(one, direct=direct) for one in lineages]


def warnings_of(lineages: Sequence[ColumnLineage]) -> tuple[str, ...]:
    """What was not understood, each once."""
    return tuple(dict.fromkeys(warning for one in lineages for warning in one.warnings))


def _schema(file: str) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_read(file))
    except (ValueError, RecursionError) as error:  # no JSON, a number without end, lists without end
        raise UsageError("HW621", f"{file} is not JSON", why=str(error)) from None
    if not isinstance(found, dict) or not all(isinstance(columns, dict) for columns in found.values()):
        raise UsageError("HW621", f"{file} is no schema", hint='write {"table": {"column": "type"}}')
    return found


def _read(file: str) -> str:
    if file == "-" and sys.stdin is None:
        raise UsageError("HW621", "cannot read standard input", why="it is closed")
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError("HW621", f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError("HW621", f"cannot read {file}", why=str(error.strerror)) from None
