"""Lineage of a file of SQL, without any project."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets_core.errors import UsageError

if TYPE_CHECKING:
    from headwater.report.flow import Walk


def walk_sql(file: str, dialect: str, schema_file: str | None, direct: bool) -> tuple[list[Walk], tuple[str, ...]]:
    """The lineage of every statement of a file, and what was not understood.

    Arguments:
        file: a path, or ``-`` for standard input.
        schema_file: JSON of the columns of known tables.
        direct: only influences that carry values.

    Raises:
        UsageError: HW621, a file cannot be read.
        LineageError: the SQL cannot be read.
    """
    from headwater.report.flow import walk_of_query
    from lineage import sql_script_lineage

    schema = _schema(schema_file) if schema_file is not None else None
    found = sql_script_lineage(_read(file), dialect=dialect, schema=schema)
    walks = [walk_of_query(one, direct=direct) for one in found]
    return walks, tuple(dict.fromkeys(warning for one in found for warning in one.warnings))


def _schema(file: str) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_read(file))
    except ValueError as error:
        raise UsageError("HW621", f"{file} is not JSON", why=str(error)) from None
    if not isinstance(found, dict) or not all(isinstance(columns, dict) for columns in found.values()):
        raise UsageError("HW621", f"{file} is no schema", hint='write {"table": {"column": "type"}}')
    return found


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError("HW621", f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError("HW621", f"cannot read {file}", why=str(error.strerror)) from None
