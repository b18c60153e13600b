"""What a statement writes: a table, its columns with their flows, and what decides its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from assets_core.column_lineage import ColumnLineage, Edge, EdgeKind, Resolution
from lineage.columns.sql_context import Context
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import NOTHING, Flow, marked, merged, surest
from lineage.columns.sql_relation import Column, Relation
from lineage.columns.sql_scope import Scope


@dataclass(slots=True)
class Written:
    """One table written, or the result of a bare query.

    Arguments:
        target: the table; None for a bare query.
        columns: the columns written.
        rows: what decides which rows there are.
        counted: row counts of the tables beneath.
        temporary: the table ends with the script.
        whole: the columns are all that the table has.
        defined: a table that is made without rows (CREATE TABLE with a list of columns).
    """

    target: str | None
    columns: list[Column]
    rows: Flow = NOTHING
    counted: Flow = NOTHING
    temporary: bool = False
    whole: bool = True
    defined: bool = False

    def onto_relation(self, before: Relation | None) -> Relation:
        """The table as later statements see it: what it held before, and what was written now."""
        if before is None or (self.whole and not self.defined):
            return Relation(list(self.columns), self.rows, self.counted)
        columns = {column.name.lower(): column for column in before.columns}
        for column in self.columns:
            known = columns.get(column.name.lower())
            columns[column.name.lower()] = (
                Column(known.name, known.flow | column.flow, None, column.tail or known.tail) if known else column
            )
        return Relation(list(columns.values()), before.rows | self.rows, before.counted | self.counted)

    def lineage(self, context: Context) -> ColumnLineage:
        """The value that callers get."""
        edges: list[Edge] = []
        for place, column in enumerate(self.columns):
            for (ref, kind), resolution in surest(column.flow).items():
                edges.append(Edge(ref, column.name, kind, place, resolution))
        for (ref, kind), resolution in surest(self.rows).items():
            edges.append(Edge(ref, None, kind, None, resolution))
        # A table of which no column is used still decides how many rows there are.
        tables = {edge.source.table for edge in edges}
        for origin in self.counted:
            if origin.ref.table not in tables:
                edges.append(Edge(origin.ref, None, EdgeKind.FILTER, None, origin.resolution))
        return ColumnLineage(
            tuple(column.name for column in self.columns),
            frozenset(edges),
            target=self.target,
            warnings=tuple(context.warnings),
        )


def onto(names: list[str], columns: list[Column]) -> list[Column]:
    """Columns under the names of the table written, by position; from a star on, each may be any of the rest."""
    if not names:
        return columns
    sure = next((place for place, column in enumerate(columns) if column.tail), len(columns))
    beyond = merged(column.flow for column in columns[sure:])
    if len(columns) - sure > 1:
        beyond = marked(beyond, Resolution.AMBIGUOUS)
    result: list[Column] = []
    for place, name in enumerate(names):
        if place < sure:
            result.append(Column(name, columns[place].flow, columns[place].fields))
        elif beyond:
            result.append(Column(name, beyond))
    return result


def assignments(items: Iterable[exp.Expr], scope: Scope) -> Iterator[tuple[str, Flow]]:
    """The (column, flow) pairs of ``SET a = x, (b, c) = (SELECT ...)``."""
    spell = scope.context.rules.spell
    for item in items:
        if not isinstance(item, exp.EQ | exp.PropertyEQ):
            continue
        left, right = item.this, item.expression
        targets = left.expressions if isinstance(left, exp.Tuple) else [left]
        names = [spell(column.this) for target in targets for column in [target.find(exp.Column)] if column is not None]
        names = names or [target.name for target in targets if target.name]
        if len(names) < 2:
            yield from ((name, flow_of(right, scope)) for name in names)
        elif isinstance(right, exp.Tuple):
            yield from zip(names, (flow_of(value, scope) for value in right.expressions), strict=False)
        elif isinstance(right, exp.Query):
            relation = scope.context.evaluate(right, scope)
            yield from (
                (name, merged((column.flow, relation.rows)))
                for name, column in zip(names, relation.expanded(), strict=False)
            )
        else:
            flow = flow_of(right, scope)
            yield from ((name, flow) for name in names)
