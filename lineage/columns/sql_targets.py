"""The table that a statement writes, and which of its columns."""

from __future__ import annotations

from sqlglot import exp

from lineage.columns.sql_context import Context
from lineage.columns.sql_relation import Column, Table
from lineage.columns.sql_scope import Source


def name_and_columns(node: exp.Expr | None, context: Context) -> tuple[str, list[str]]:
    """The written table and its column list, of ``t``, ``t(a, b)``, ``TABLE t``, a directory."""
    names: list[str] = []
    if isinstance(node, exp.Schema):
        spell = context.rules.spell
        names = [
            spell(item.this if isinstance(item, exp.ColumnDef) else item)
            for item in node.expressions
            if isinstance(item, exp.ColumnDef | exp.Identifier | exp.Column)
        ]
        node = node.this
    while isinstance(node, exp.StoredProcedure | exp.UserDefinedFunction | exp.Partition):
        node = node.this
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier | exp.Parameter | exp.Var):
        return context.table_name(node), names
    if isinstance(node, exp.Directory):
        return node.this.name if isinstance(node.this, exp.Expr) else str(node.this), names
    return (node.sql(context.rules.dialect) if node is not None else ""), names


def target_names(node: exp.Insert, columns: list[Column], context: Context) -> list[str]:
    """The columns of the table written, where they are known and there are enough of them."""
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier | exp.Parameter):
        return []
    key = ".".join(context.parts(table)).lower()
    temporary = context.temporary.get(key)
    known = tuple(temporary.names()) if temporary is not None else context.known.columns(context.parts(table))
    if not known or (len(known) < len(columns) and not any(column.tail for column in columns)):
        return []
    return list(known)


def base_table(source: Source) -> str:
    """The table that an update of a FROM item writes: through a view or common table expression, its only table."""
    if isinstance(source.relation, Table):
        return source.relation.name
    if source.path:  # a temporary table
        return ".".join(source.path)
    tables = {origin.ref.table for origin in source.relation.everything() if origin.kind.direct}
    return tables.pop() if len(tables) == 1 else source.alias
