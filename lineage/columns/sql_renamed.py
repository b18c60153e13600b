"""A query with some of its tables under other names."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lineage.columns.sql_bound import to_duckdb
from lineage.columns.sql_dialects import rules_of
from lineage.columns.sql_parse import parse_statements


def with_tables(sql: str, names: Mapping[str, str], *, dialect: str = "duckdb") -> str:
    """The query as it would read if tables had other names; columns qualified by a table's name follow it.

    Arguments:
        names: the table as the query writes it -> its other name.

    Returns:
        The query unchanged where a name of its own, as of a CTE, might be mistaken for such a table.

    Raises:
        LineageError: HW210, it is no SQL.
    """
    rules = rules_of(dialect)
    node = parse_statements(to_duckdb(sql), rules)[0]
    own = {one.alias for one in node.find_all(exp.CTE, exp.Subquery) if one.alias}
    if own & {_last(name) for name in (*names, *names.values())}:
        return sql
    followed: dict[str, str] = {}
    for table in list(node.find_all(exp.Table)):
        written = ".".join(part.name for part in table.parts)
        if written in names:
            if not table.alias:
                followed[_last(written)] = _last(names[written])
            parts = _parts(names[written])
            for slot in ("catalog", "db"):
                table.set(slot, None)
            for slot, part in zip(("this", "db", "catalog"), reversed(parts), strict=False):
                table.set(slot, part)
    for column in node.find_all(exp.Column):
        if column.table in followed:
            column.set("table", exp.to_identifier(followed[column.table]))
    return str(node.sql(rules.dialect))


def _parts(name: str) -> list[exp.Identifier]:
    if "/" in name:
        return [exp.to_identifier(name, quoted=True)]
    return [exp.to_identifier(part) for part in name.split(".")]


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]
