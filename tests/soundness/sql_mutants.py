"""Mutants of the extractor, each with one rule taken out; the experiment must notice every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns import sql_expressions, sql_query, sql_scope, sql_sources
from lineage.columns.sql_flow import NOTHING
from lineage.columns.sql_relation import Column, Relation

Mutant = Callable[[], Any]


@contextmanager
def _handler(kind: type[exp.Expr], replacement: Callable[..., None]) -> Iterator[None]:
    """Replaces the rule for a kind of expression, and for all kinds that share the rule."""
    old = sql_expressions._handler_of(kind)
    table = {key: replacement for key, value in sql_expressions._HANDLERS.items() if value is old}
    with patch.dict(sql_expressions._HANDLERS, {**table, kind: replacement}):
        yield


def _without_clause(module: Any, kind: type[exp.Expr]) -> Any:
    original = module.flow_of
    return patch.object(
        module, "flow_of", lambda node, *rest: NOTHING if isinstance(node, kind) else original(node, *rest)
    )


def _without_kind(module: Any, kind: EdgeKind) -> Any:
    original = module.flow_of
    return patch.object(
        module, "flow_of", lambda node, scope, *rest: NOTHING if kind in rest else original(node, scope, *rest)
    )


def _only(*names: str) -> Callable[..., None]:
    """A rule that follows some arguments of a node and forgets the others."""

    def walk(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
        for name in names:
            walk.push(node.args.get(name), operator)

    return walk


def _branches_only(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push([branch.args.get("true") for branch in node.args["ifs"]], operator)
    walk.push(node.args.get("default"), operator)


def _conditions_only(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push([branch.this for branch in node.args["ifs"]], operator)
    walk.push(node.args.get("this"), operator)


def _without_default(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.args.get("this"), operator)
    for branch in node.args["ifs"]:
        walk.push([branch.this, branch.args.get("true")], operator)


def _values_of_query(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.add(walk.scope.context.evaluate(node, walk.scope).everything(), operator)


def _rows_of_query(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.add(walk.scope.context.evaluate(node, walk.scope).rows, operator)


def _nothing(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    """Forgets the node."""


def _wrapped(module: Any, name: str, change: Callable[[Any], Any]) -> Any:
    original = getattr(module, name)
    return patch.object(module, name, lambda *args, **named: change(original(*args, **named)))


def _rowless_source(source: Any) -> Any:
    source.relation = Relation(list(source.relation.expanded()), NOTHING, source.relation.counted)
    return source


def _rowless(relation: Relation) -> Relation:
    return Relation(list(relation.expanded()), NOTHING, relation.counted)


def _left_only(operation: Any, left: Relation, right: Relation) -> Relation:
    return left


def _left_of_using(name: str, before: Any, added: Any, scope: Any) -> Any:
    hits = sql_sources._hits(name, before)
    scope.using[name.lower()] = Column(name, hits[0].flow if hits else NOTHING)
    return NOTHING


def _first_value(walk: Any, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator)


MUTANTS: dict[str, Mutant] = {
    "WHERE is forgotten": lambda: _without_clause(sql_query, exp.Where),
    "HAVING is forgotten": lambda: _without_clause(sql_query, exp.Having),
    "QUALIFY is forgotten": lambda: _without_clause(sql_query, exp.Qualify),
    "ON is forgotten": lambda: _without_kind(sql_sources, EdgeKind.JOIN),
    "GROUP BY is forgotten": lambda: patch.object(sql_query, "_grouping", lambda *_: NOTHING),
    "ORDER BY with LIMIT is forgotten": lambda: patch.object(sql_query, "_ordering", lambda *_: NOTHING),
    "CASE loses its conditions": lambda: _handler(exp.Case, _branches_only),
    "CASE loses its values": lambda: _handler(exp.Case, _conditions_only),
    "CASE loses its ELSE": lambda: _handler(exp.Case, _without_default),
    "COALESCE keeps its first value only": lambda: _handler(exp.Coalesce, _first_value),
    "NULLIF keeps its first value only": lambda: _handler(exp.Nullif, _first_value),
    "windows lose PARTITION BY and ORDER BY": lambda: _handler(exp.Window, _only("this")),
    "windows lose PARTITION BY": lambda: _handler(exp.Window, _only("this", "order")),
    "windows lose ORDER BY": lambda: _handler(exp.Window, _only("this", "partition_by")),
    "aggregates lose FILTER": lambda: _handler(exp.Filter, _only("this")),
    "EXISTS is forgotten": lambda: _handler(exp.Exists, _nothing),
    "IN loses its subquery": lambda: _handler(exp.In, _only("this", "expressions")),
    "IN loses its left side": lambda: _handler(exp.In, _only("query", "expressions")),
    "BETWEEN loses its bounds": lambda: _handler(exp.Between, _only("this")),
    "scalar subqueries lose their conditions": lambda: _handler(exp.Query, _values_of_query),
    "scalar subqueries lose their value": lambda: _handler(exp.Query, _rows_of_query),
    "COUNT is forgotten": lambda: _handler(exp.Count, _nothing),
    "operators lose their right side": lambda: _handler(exp.Binary, _only("this")),
    "set operations lose their right side": lambda: patch.object(sql_query, "combined", _left_only),
    "unions lose all branches but the first": lambda: patch.object(sql_query, "unions", lambda first, _: first),
    "USING keeps the left side only": lambda: patch.object(sql_sources, "_merge_columns", _left_of_using),
    "subqueries in FROM lose their conditions": lambda: _wrapped(sql_sources, "_subquery", _rowless_source),
    "common table expressions lose their conditions": lambda: _wrapped(sql_query, "evaluate", _rowless),
    "outer names are not seen": lambda: patch.object(sql_scope.Scope, "chain", lambda scope: iter((scope,))),
}
