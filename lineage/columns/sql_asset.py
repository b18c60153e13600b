"""What the engine asks of a SQL asset: its digest, output schema, read sets, lineage, and what is not stable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from assets_core.column_lineage import ORDER, ColumnLineage, opaque_lineage
from assets_core.digest import digest
from assets_core.errors import HeadwaterError, LineageError, did_you_mean, raise_all
from lineage.columns.sql import new_context
from lineage.columns.sql_binding import Bound, bind, duckdb_type, polars_type, unstable_functions
from lineage.columns.sql_canonical import canonical
from lineage.columns.sql_context import Context
from lineage.columns.sql_dialects import Rules, rules_of
from lineage.columns.sql_order import order_matters
from lineage.columns.sql_parse import deeply, parse_statements, place, quiet, tokens_of
from lineage.columns.sql_pivot import turned_by_data
from lineage.columns.sql_relation import STAR
from lineage.columns.sql_statements import written

_CODES = {"unknown column": "HW216", "ambiguous column": "HW217", "unknown table": "HW218"}
_KEYWORD_FUNCTIONS = frozenset(
    {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
     "session_user", "current_role", "current_catalog", "current_schema"}
)  # fmt: skip

_DUCKDB_KEEPS = frozenset({"temp", "system", "memory", "information_schema", "pg_catalog"})
"""Schemas and databases of DuckDB's own, in which nobody else may make a table."""


@dataclass(frozen=True)
class SqlReading:
    """All that a SQL asset's query says without data.

    Arguments:
        digest: SHA-256 of the canonical syntax tree with stars expanded; comments, layout and the case of
            keywords do not count.
        schema: output columns and polars dtypes as text; None where they are not known.
        read_sets: by input as named in the query, the columns that it must be handed, in the input's order;
            the pseudo-column ``#`` last where the order of its rows can reach values. None but the row count is
            read where it is empty: any one column may be handed over then.
        lineage: the column lineage.
        volatile_functions: functions that may give another value in another run, such as ``random``.
        warnings: sentences about what was not understood.
    """

    digest: str
    schema: tuple[tuple[str, str], ...] | None
    read_sets: dict[str, tuple[str, ...]]
    lineage: ColumnLineage
    volatile_functions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_sql(sql: str, inputs: Mapping[str, Mapping[str, str]], *, dialect: str = "duckdb") -> SqlReading:
    """Reads a SQL asset's query.

    Arguments:
        sql: one query; bound values are written ``:name``.
        inputs: the tables it reads, named as ``sql_tables`` names them -> {column: polars dtype as text}.
        dialect: the dialect the query is written in; only DuckDB's is bound and typed.

    Raises:
        LineageError: HW210 to HW215 as ``sql_lineage``; HW216 an unknown column, HW217 an ambiguous one,
            HW218 an unknown table, HW219 not a query, HW230 DuckDB does not bind it; several at once as
            ``ProjectError``, each with line and column.
    """
    rules = rules_of(dialect)
    return deeply(lambda: _read(sql, inputs, rules))


def _read(sql: str, inputs: Mapping[str, Mapping[str, str]], rules: Rules) -> SqlReading:
    statements = parse_statements(sql, rules)
    if len(statements) > 1:
        raise LineageError(
            "HW214", f"a SQL asset is one query, and here are {len(statements)} statements", where=place(statements[1])
        )
    node = statements[0]
    if not isinstance(node, exp.Query | exp.Pivot | exp.Summarize | exp.Values):
        raise LineageError("HW219", f"a SQL asset is a query, and this is {node.key.upper()}", where=place(node))
    context = new_context(rules, inputs)
    with quiet():
        parts = written(node, context)
    lineage = parts[0].lineage(context) if parts else ColumnLineage((), frozenset())
    read_sets = {
        name: tuple(column for column in columns if column in context.reads.get(name, ()))
        for name, columns in inputs.items()
    }
    reading = SqlReading(
        digest("sql", rules.name, canonical(node, context)),
        None,
        read_sets,
        lineage,
        _unstable(sql, node, rules),
        lineage.warnings,
    )
    if rules.name == "duckdb":
        reading = _held_to_duckdb(sql, reading, inputs, node, context)
    else:
        raise_all(_problems(node, inputs, context))
    return _with_order(reading, node)


def _held_to_duckdb(
    sql: str, reading: SqlReading, inputs: Mapping[str, Mapping[str, str]], node: exp.Expr, context: Context
) -> SqlReading:
    """The reading, held against what DuckDB makes of the query: with all columns, and with the read sets only."""
    parts = _parts(node, inputs, context)
    full = bind(sql, {parts[name]: _typed(columns) for name, columns in inputs.items()})
    if isinstance(full, str):
        raise_all(_problems(node, inputs, context))
        raise LineageError("HW230", "DuckDB does not accept the query", why=full, hint=_own_schema(parts.values()))
    held = bind(sql, {parts[name]: _typed(columns, reading.read_sets[name]) for name, columns in inputs.items()})
    lineage = reading.lineage
    if held != full:
        warning = "the columns read could not be told apart; every column of every input counts as read"
        reading = replace(
            reading,
            read_sets={name: tuple(columns) for name, columns in inputs.items()},
            warnings=(*reading.warnings, warning),
        )
        lineage = opaque_lineage(lineage.columns, dict(inputs), warnings=[*lineage.warnings, warning])
        reading = replace(reading, lineage=lineage)
    if STAR in lineage.columns and turned_by_data(node):
        return replace(reading, warnings=(*reading.warnings, "which columns come out depends on the data"))
    lineage = lineage.over(full.columns)
    if len(full.columns) != len(lineage.columns):
        warning = "the output columns are not those that were derived; every input column counts for each"
        lineage = opaque_lineage(full.columns, dict(inputs), warnings=[warning])
        reading = replace(reading, read_sets={name: tuple(columns) for name, columns in inputs.items()})
    return replace(reading, schema=_schema(full), lineage=_named(lineage, full.columns))


def _parts(node: exp.Expr, inputs: Iterable[str], context: Context) -> dict[str, tuple[str, ...]]:
    """The parts of each input's name, as the query writes them."""
    parts = {name: tuple(name.split(".")) for name in inputs}
    for table in node.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            written_as = tuple(context.parts(table))
            parts[".".join(written_as)] = written_as
    return parts


def _own_schema(parts: Iterable[tuple[str, ...]]) -> str:
    """What to do about the tables of a query that DuckDB takes for some of its own; empty where there are none."""
    for written_as in parts:
        if len(written_as) > 1 and written_as[0].lower() in _DUCKDB_KEEPS:
            return f'DuckDB keeps the name {written_as[0]} for itself: write the table as "{"/".join(written_as)}"'
    return ""


def _typed(columns: Mapping[str, str], only: Iterable[str] | None = None) -> dict[str, str]:
    wanted = columns if only is None else [name for name in only if name in columns]
    return {name: duckdb_type(columns[name]) for name in wanted}


def _schema(bound: Bound) -> tuple[tuple[str, str], ...] | None:
    types = [polars_type(kind) for kind in bound.types]
    if any(kind is None for kind in types):
        return None
    return tuple((name, kind or "") for name, kind in zip(bound.columns, types, strict=True))


def _named(lineage: ColumnLineage, names: tuple[str, ...]) -> ColumnLineage:
    """The lineage under the names that DuckDB gives to the output columns."""
    if lineage.columns == names:
        return lineage
    edges = frozenset(
        edge if edge.position is None else edge._replace(target=names[edge.position]) for edge in lineage.edges
    )
    return replace(lineage, columns=names, edges=edges)


def _problems(node: exp.Expr, inputs: Mapping[str, Mapping[str, str]], context: Context) -> list[HeadwaterError]:
    known = {name.lower() for name in inputs}
    errors: list[HeadwaterError] = []
    for table in node.find_all(exp.Table):
        name = context.table_name(table) if isinstance(table.this, exp.Identifier) else ""
        if name in context.reads and name.lower() not in known:
            hint = did_you_mean(name, inputs)
            errors.append(LineageError("HW218", f"unknown table {name!r}", where=place(table), hint=hint))
    for problem in context.problems:
        what = f"{problem.kind} {problem.name!r}"
        errors.append(LineageError(_CODES[problem.kind], what, where=problem.where, hint=problem.hint))
    return errors


def _unstable(sql: str, node: exp.Expr, rules: Rules) -> tuple[str, ...]:
    """Functions called, by name, that are not stable; samples without a seed count as one."""
    unstable = unstable_functions()
    found: dict[str, None] = {}
    for name, called in _function_names(sql, rules):
        if (called and name in unstable) or (not called and name in _KEYWORD_FUNCTIONS):
            found.setdefault(name)
    if any(call.name.lower() == "age" and _count_of_arguments(call) == 1 for call in node.find_all(exp.Anonymous)):
        found.setdefault("age")  # of one moment: up to today
    if any(not sample.args.get("seed") for sample in node.find_all(exp.TableSample)):
        found.setdefault("sample")
    return tuple(found)


def _count_of_arguments(call: exp.Anonymous) -> int:
    """With the one that may stand before the dot."""
    return len(call.expressions) + isinstance(call.parent, exp.Dot)


def _function_names(sql: str, rules: Rules) -> Iterator[tuple[str, bool]]:
    tokens = tokens_of(sql, rules)
    for position, token in enumerate(tokens):
        if token.token_type in (TokenType.STRING, TokenType.NUMBER):
            continue
        called = position + 1 < len(tokens) and tokens[position + 1].token_type is TokenType.L_PAREN
        if called or token.token_type is not TokenType.IDENTIFIER:
            yield token.text.lower(), called


def _with_order(reading: SqlReading, node: exp.Expr) -> SqlReading:
    reasons = order_matters(node)
    if not reasons:
        return reading
    sentence = f"the order of input rows can reach values through {', '.join(reasons)}"
    read_sets = {name: (*columns, ORDER) for name, columns in reading.read_sets.items()}
    return replace(reading, read_sets=read_sets, warnings=(*reading.warnings, sentence))
