"""Column lineage of SQL: one statement, or a script; the tables that a query reads; bound values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from assets_core.column_lineage import ColumnLineage, Edge
from assets_core.errors import LineageError
from lineage.columns.sql_context import Context, KnownTables
from lineage.columns.sql_dialects import Rules, rules_of
from lineage.columns.sql_embedded import embedded, is_procedural
from lineage.columns.sql_parse import deeply, parse_statements, place, quiet
from lineage.columns.sql_query import evaluate
from lineage.columns.sql_statements import context_after, written
from lineage.columns.sql_texts import keeps_text, projection_texts
from lineage.columns.sql_written import Written

_SURPRISES = (AttributeError, KeyError, IndexError, TypeError, ValueError, AssertionError, SqlglotError)
"""What a syntax tree of an unexpected shape makes the walk raise; callers get it as a LineageError."""

Schema = Mapping[str, Mapping[str, Any]]


def sql_lineage(sql: str, *, dialect: str = "duckdb", schema: Schema | None = None) -> ColumnLineage:
    """The column lineage of one SQL statement.

    Arguments:
        sql: one statement of any kind; a semicolon behind it does no harm.
        dialect: the SQL dialect, such as ``"duckdb"``, ``"postgres"``, ``"bigquery"``, ``"tsql"``.
        schema: the columns of tables that are known, ``{"db.table": {"column": "type"}}``; without it stars stay
            stars, and a name that may come from several tables has an edge from each.

    Returns:
        edges from the columns of the tables read to the output columns, by position and name; ``target`` is the
        table written, None for a bare query. What is not understood is kept, marked in ``Edge.resolution``
        and named in ``warnings``.

    Raises:
        LineageError: HW210 not SQL of this dialect, HW211 a template, HW212 no statement, HW213 no such dialect,
            HW214 more than one statement, HW215 nested too deep, HW231 a form that cannot be read at all.
    """
    rules = rules_of(dialect)

    def work() -> ColumnLineage:
        context = new_context(rules, schema)
        statements = _statements(sql, rules, context)
        if len(statements) > 1 and not is_procedural(sql, rules):
            raise LineageError(
                "HW214",
                f"one statement was asked for, and there are {len(statements)}",
                hint="use sql_script_lineage for scripts",
            )
        return _one([part for statement in statements for part in _followed(statement, context)], context)

    return deeply(work)


def sql_script_lineage(sql: str, *, dialect: str = "duckdb", schema: Schema | None = None) -> list[ColumnLineage]:
    """The column lineage of every statement of a script, in order.

    Temporary tables (also ``#t``, ``@t``) are looked through: what is read from them has edges from what they
    were made of. Columns of other tables written before are known to later statements, whose edges start there.

    Arguments:
        sql: statements separated by semicolons; procedures and blocks are read statement by statement.
        dialect: as for ``sql_lineage``.
        schema: as for ``sql_lineage``.

    Returns:
        one lineage for every table that a statement writes and for every bare query; several for a multi-insert.

    Raises:
        LineageError: as ``sql_lineage``, but for HW214.
    """
    rules = rules_of(dialect)

    def work() -> list[ColumnLineage]:
        context = new_context(rules, schema)
        found: list[ColumnLineage] = []
        statements = _statements(sql, rules, context)
        general = dict(context.warnings)
        for statement in statements:
            context.warnings = dict(general)
            parts = _followed(statement, context)
            found += [part.lineage(context) for part in parts]
            fresh = [warning for warning in context.warnings if warning not in general]
            if not parts and any("not understood" in warning or "read;" in warning for warning in fresh):
                found.append(ColumnLineage((), frozenset(), warnings=tuple(context.warnings)))
        return found

    return deeply(work)


def sql_tables(sql: str, *, dialect: str = "duckdb") -> tuple[str, ...]:
    """The names of the tables that a text reads, in the order in which they are met.

    Arguments:
        sql: SQL, usually one query.
        dialect: as for ``sql_lineage``.

    Returns:
        full names as written: ``staging.flights``; the quoted ``"a/b/c"`` gives ``a/b/c``; names of common
        table expressions are not among them.

    Raises:
        LineageError: as ``sql_lineage``; HW210 says where.
    """
    rules = rules_of(dialect)

    def work() -> tuple[str, ...]:
        context = new_context(rules, None)
        with quiet():
            for statement in _statements(sql, rules, context):
                written(statement, context)
        return tuple(context.reads)

    return deeply(work)


def new_context(rules: Rules, schema: Mapping[str, Any] | None) -> Context:
    """A reading that has not begun."""
    return Context(rules, KnownTables(schema, rules), evaluate, written)


def _statements(sql: str, rules: Rules, context: Context) -> list[exp.Expr]:
    """The statements of a text; of a procedure that does not parse, those found in it."""
    try:
        statements = parse_statements(sql, rules)
        context.text = sql if len(statements) == 1 and keeps_text(rules) else ""
    except LineageError as error:
        if error.code != "HW210":
            raise
        scripted = is_procedural(sql, rules) or rules.name == "tsql"
        found = list(embedded(sql, rules)) if scripted else []
        if found:
            context.warn("only the statements found in the text are read; control flow and variables are not followed")
            return found
        for other in rules.kin:
            try:
                statements = parse_statements(sql, rules_of(other))
            except LineageError:
                continue
            if not any(isinstance(statement, exp.Command | exp.Column) for statement in statements):
                context.warn(f"read as {other or 'generic'} SQL, because it does not parse as {rules.name} SQL")
                return statements
        raise
    if _misread(statements) and is_procedural(sql, rules):
        found = list(embedded(sql, rules))
        if found:
            context.warn("only the statements found in the text are read; control flow and variables are not followed")
            return found
    if all(_is_expression(statement) for statement in statements):
        raise LineageError(
            "HW210",
            f"this is an expression, not a statement of {rules.name or 'generic'} SQL",
            where=place(statements[0]),
            why=" ".join(sql.split())[:80],
            hint="write SELECT in front of it",
        )
    return statements


def _misread(statements: list[exp.Expr]) -> bool:
    """Whether the parser took words of a block (``THROW``, ``END TRY``) for expressions or left them whole."""
    stack: list[exp.Expr] = list(statements)
    if len(stack) == 1 and isinstance(stack[0], exp.Command):  # such as UNLOAD: read as a whole
        return False
    while stack:
        node = stack.pop()
        if _is_expression(node) or isinstance(node, exp.Command):
            return True
        if isinstance(node, exp.Create):
            body = node.args.get("expression")
            stack += [body] if isinstance(body, exp.Block | exp.Command) else []
        elif isinstance(node, exp.Block | exp.IfBlock | exp.WhileBlock):
            stack += [item for item in node.expressions if isinstance(item, exp.Expr)]
            branches = [node.args.get(name) for name in ("true", "false", "body")]
            stack += [item for item in branches if isinstance(item, exp.Expr)]
    return False


def _is_expression(node: exp.Expr) -> bool:
    """Whether a parsed text is a mere expression, as ``hello world`` is a column with an alias."""
    if isinstance(node, exp.Query | exp.DML | exp.DDL | exp.Values | exp.Pivot | exp.Command):
        return False
    return isinstance(node, exp.Condition | exp.Alias | exp.Identifier | exp.Star | exp.Interval | exp.Tuple)


def _followed(statement: exp.Expr, context: Context) -> list[Written]:
    """What a statement writes, made known to the statements behind it."""
    context.texts = projection_texts(statement, context.text, context.rules) if context.text else {}
    with quiet():
        try:
            parts = [*written(statement, context), *context.beside]
        except _SURPRISES as error:
            why = f"{type(error).__name__}: {error}"
            raise LineageError("HW231", f"a {statement.key} statement of this form cannot be read", why=why) from error
    context.beside.clear()
    for part in parts:
        context_after(part, context)
    _renamed_and_dropped(statement, context)
    return parts


def _one(parts: list[Written], context: Context) -> ColumnLineage:
    """The parts of one statement as one lineage: a multi-insert's columns stand one after the other."""
    if not parts:
        return ColumnLineage((), frozenset(), warnings=tuple(context.warnings))
    lineages = [part.lineage(context) for part in parts]
    if len(lineages) == 1:
        return lineages[0]
    targets = [lineage.target or "a query" for lineage in lineages]
    columns: list[str] = []
    edges: set[Edge] = set()
    for lineage in lineages:
        shift = len(columns)
        edges.update(
            edge if edge.position is None else edge._replace(position=edge.position + shift) for edge in lineage.edges
        )
        columns += lineage.columns
    warning = f"the statement writes {', '.join(targets)}; sql_script_lineage tells them apart"
    return ColumnLineage(
        tuple(columns), frozenset(edges), target=lineages[0].target, warnings=(*context.warnings, warning)
    )


def _renamed_and_dropped(statement: exp.Expr, context: Context) -> None:
    """What DROP and ALTER TABLE ... RENAME TO change about the tables known."""
    if isinstance(statement, exp.Alter) and isinstance(statement.this, exp.Table):
        renames = [item for item in statement.args.get("actions") or () if isinstance(item, exp.AlterRename)]
        for rename in renames:
            context.rename(context.table_name(statement.this), rename.this)
    if not isinstance(statement, exp.Drop):
        return
    for table in statement.args.get("tables") or [statement.this]:
        if isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier):
            name = context.table_name(table)
            context.temporary.pop(name.lower(), None)
            context.known.forget(name)
