"""What differs between SQL dialects: case of names, lateral aliases, names of unnamed columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, Dialects

from assets_core.errors import LineageError, did_you_mean


class Case(Enum):
    """What a dialect does with the case of a name that is not quoted."""

    LOWER = "folded to lower case"
    UPPER = "folded to upper case"
    KEPT = "kept, but of no account when names are compared"
    EXACT = "kept, and of account"


_LOWER = frozenset({"postgres", "redshift", "materialize", "risingwave", "hive", "presto", "trino", "athena", "druid"})
_UPPER = frozenset({"snowflake", "oracle", "exasol", "teradata"})
_EXACT = frozenset({"clickhouse"})
_LATERAL_ALIASES = frozenset(
    {"snowflake", "redshift", "databricks", "spark", "clickhouse", "duckdb", "teradata", "dremio", "exasol", "doris"}
)
_ALIAS_FIRST = frozenset({"clickhouse"})
_USING_FIRST = frozenset(
    {
        "postgres",
        "redshift",
        "spark",
        "spark2",
        "databricks",
        "hive",
        "trino",
        "presto",
        "athena",
        "snowflake",
        "mysql",
        "oracle",
        "materialize",
        "risingwave",
        "bigquery",
    }
)
_SPELLED_OTHERWISE = {
    "postgresql": "postgres", "mssql": "tsql", "sqlserver": "tsql", "transact-sql": "tsql", "sparksql": "spark",
    "mariadb": "mysql", "flink": "flink", "ansi": "", "pg": "postgres", "greenplum": "postgres", "vertica": "postgres",
    "impala": "hive", "cockroachdb": "postgres", "db2": "", "generic": "", "synapse": "tsql", "tidb": "mysql",
}  # fmt: skip


_KIN = {
    "postgres": ("redshift", ""), "redshift": ("postgres", ""), "materialize": ("postgres",),
    "risingwave": ("postgres",),
    "hive": ("spark", ""), "spark": ("databricks", "hive"), "spark2": ("spark",), "databricks": ("spark", "hive"),
    "athena": ("trino", "hive"), "trino": ("presto", ""), "presto": ("trino", ""), "tsql": ("fabric", ""),
    "teradata": ("",), "oracle": ("",), "mysql": ("", "starrocks"), "doris": ("mysql",), "starrocks": ("mysql",),
    "sqlite": ("", "mysql"), "snowflake": ("", "databricks"), "bigquery": ("",), "clickhouse": ("",),
    "flink": ("", "trino", "mysql"), "exasol": ("",), "drill": ("",), "druid": ("",), "dremio": ("",),
}  # fmt: skip
"""Dialects in which a statement of another one is read where its own parser gives up."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one dialect treats names.

    Arguments:
        name: the dialect's name as given, in lower case; empty for the generic one.
        dialect: sqlglot's dialect that parses it.
        case: what happens to names that are not quoted.
        lateral_aliases: an alias may be used further right in the same SELECT list.
        alias_first: an alias hides a column of the same name.
        using_first: ``*`` gives the columns of USING before all others.
        kin: dialects that understand most of this one.
    """

    name: str
    dialect: Dialect
    case: Case
    lateral_aliases: bool
    alias_first: bool
    using_first: bool
    kin: tuple[str, ...] = ()

    def spell(self, identifier: exp.Expr) -> str:
        """The name as the dialect remembers it."""
        name: str = identifier.name
        if isinstance(identifier, exp.Parameter):
            return f"${name}"
        if identifier.args.get("quoted"):
            return name
        if self.case is Case.LOWER:
            return name.lower()
        return name.upper() if self.case is Case.UPPER else name

    def settle(self, name: str) -> str:
        """A name of a schema as the dialect would have stored it, had it been written without quotes."""
        if self.case is Case.UPPER and name.islower():
            return name.upper()
        return name.lower() if self.case is Case.LOWER and name.isupper() else name


def rules_of(dialect: str) -> Rules:
    """The rules of a dialect.

    Arguments:
        dialect: a name such as ``"duckdb"``, ``"postgres"``, ``"tsql"``, ``"flink"``; case does not count.

    Raises:
        LineageError: HW213, no such dialect; the hint names the nearest one.
    """
    return _rules_of(dialect.strip().lower() if isinstance(dialect, str) else str(dialect))


@lru_cache(maxsize=64)
def _rules_of(given: str) -> Rules:
    name = _SPELLED_OTHERWISE.get(given, given)
    known = {dialect.value for dialect in Dialects if dialect.value} | {"singlestore"}
    parsed_as = "spark" if name == "flink" else name
    if parsed_as and parsed_as not in known:
        names = sorted({*known, *_SPELLED_OTHERWISE} - {""})
        raise LineageError(
            "HW213",
            f"there is no SQL dialect {given!r}",
            hint=did_you_mean(given, names) or f"known are {', '.join(sorted(known))}",
        )
    case = next(
        (case for case, names in ((Case.LOWER, _LOWER), (Case.UPPER, _UPPER), (Case.EXACT, _EXACT)) if name in names),
        Case.KEPT,
    )
    return Rules(
        name,
        Dialect.get_or_raise(parsed_as or None),
        case,
        name in _LATERAL_ALIASES,
        name in _ALIAS_FIRST,
        name in _USING_FIRST,
        _KIN.get(name, ()),
    )
