"""Queries that ask less of their rows and compute the same: for seeing values arrive on data that satisfy no filter."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

Keep = Callable[[exp.Expr], bool]
LEVELS = 4
"""How many levels there are: 0 keeps every condition, 1 loses LIMIT and HAVING, 2 also what compares other than
for equality, 3 all that joins no two tables."""


def relaxed(sql: str, level: int) -> str:
    """The query with conditions replaced by TRUE; its SELECT lists, joins by equality and groups stay.

    Arguments:
        level: how much is taken away, up to ``LEVELS - 1``.
    """
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if level >= 1:
        for clause in list(tree.find_all(exp.Limit, exp.Having)):
            clause.pop()
    if level >= 2:
        keep = _equality if level == 2 else _joins
        for where in list(tree.find_all(exp.Where)):
            where.set("this", _weaker(where.this, keep))
        for join in list(tree.find_all(exp.Join)):
            if join.args.get("on") is not None:
                join.set("on", _weaker(join.args["on"], keep))
    return tree.sql(dialect="duckdb")


def _weaker(condition: exp.Expr, keep: Keep) -> exp.Expr:
    """The condition with its atoms replaced by TRUE, but for those kept."""
    if isinstance(condition, exp.Paren):
        return exp.Paren(this=_weaker(condition.this, keep))
    if isinstance(condition, exp.And | exp.Or):
        sides = [_weaker(condition.this, keep), _weaker(condition.expression, keep)]
        return type(condition)(this=sides[0], expression=sides[1])
    return condition if keep(condition) else exp.true()


def _joins(atom: exp.Expr) -> bool:
    """Whether it sets a column equal to something of another table."""
    if not isinstance(atom, exp.EQ) or atom.find(exp.Query):
        return False
    sides = [list(side.find_all(exp.Column)) for side in (atom.this, atom.expression)]
    return all(sides) and {column.table for column in sides[0]}.isdisjoint({column.table for column in sides[1]} - {""})


def _equality(atom: exp.Expr) -> bool:
    return isinstance(atom, exp.EQ | exp.In) and not atom.find(exp.Query)
