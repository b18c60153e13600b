"""MATCH_RECOGNIZE: rows that follow a pattern."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import Flow, merged
from lineage.columns.sql_relation import Column, Relation
from lineage.columns.sql_scope import Scope, Source

_FILTER = EdgeKind.FILTER


def _name(item: exp.Expr, scope: Scope) -> str:
    return scope.context.rules.spell(item.this) if isinstance(item, exp.Column) else item.alias_or_name


def matched(match: exp.Expr, scope: Scope) -> Flow:
    """MATCH_RECOGNIZE: a row a match, of the partition and the measures; everything in it decides on rows."""
    rows = flow_of(match, scope, _FILTER)
    measures = [
        Column(scope.context.rules.spell(item.this.args["alias"]), flow_of(item.this.this, scope))
        for item in match.args.get("measures") or ()
        if isinstance(item.this, exp.Alias)
    ]
    every = "ALL ROWS" in str(match.args.get("rows") or "").upper()
    keys = (
        []
        if every
        else [Column(_name(item, scope), flow_of(item, scope)) for item in match.args.get("partition_by") or ()]
    )
    before = [column for source in scope.visible() for column in source.relation.expanded()] if every else keys
    beneath = merged(source.relation.counted for source in scope.sources)
    alias = match.args.get("alias")
    name = alias.name.lower() if isinstance(alias, exp.Expr) else ""
    kept = merged(source.relation.rows for source in scope.sources)
    scope.sources = [Source(name, (), Relation([*before, *measures], kept, beneath), named=bool(name))]
    return rows
