"""Whether a query is *local*: whether what it gives for one slot depends on the rows of that slot alone.

The same proof as ``locality`` has for polars plans, for queries of one SELECT: the partition column of the inputs that
are read by slot is in every GROUP BY, DISTINCT and window, and two of them meet only where it is equal. Subqueries may
read inputs that are the same for every slot. Whatever goes beyond that is not proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from assets_core.errors import HeadwaterError
from lineage.columns.locality_exprs import NotLocalError
from lineage.columns.sql_binding import aggregate_functions
from lineage.columns.sql_bound import to_duckdb
from lineage.columns.sql_dialects import rules_of
from lineage.columns.sql_order import order_matters
from lineage.columns.sql_parse import deeply, parse_statements

_REFUSED = {
    "with_": "a WITH clause",
    "with": "a WITH clause",
    "limit": "LIMIT",
    "offset": "OFFSET",
    "sample": "a sample",
    "windows": "named windows",
    "laterals": "LATERAL",
    "pivots": "PIVOT",
    "connect": "CONNECT BY",
}
_ROW_SHAPES = (exp.Unnest, exp.Explode, exp.TableSample, exp.Pivot, exp.Columns)


@dataclass
class _Tables:
    """What stands in FROM: by alias the columns, None where they are not known, and the carriers met so far.

    A carrier is an (alias, column) whose value tells to which slot a row belongs and is never null.
    """

    columns: dict[str, frozenset[str] | None] = field(default_factory=dict)
    carriers: set[tuple[str, str]] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    """By a column that USING made one of two, the alias whose value it has."""
    whole: bool = True

    def of(self, node: exp.Expr | None) -> tuple[str, str] | None:
        """The alias and column that a plain column reference means; None where that cannot be told."""
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return None
        name, table = node.name.lower(), node.table.lower()
        if table:
            return (table, name) if table in self.columns else None
        if name in self.merged:
            return self.merged[name], name
        owners = [alias for alias, columns in self.columns.items() if columns is None or name in columns]
        return (owners[0], name) if len(owners) == 1 and self.columns[owners[0]] is not None else None

    def carries(self, node: exp.Expr | None) -> bool:
        """Whether an expression is a carrier as it stands."""
        return self.of(node) in self.carriers


def why_query_not_local(
    sql: str, inputs: Mapping[str, Mapping[str, str]], split: Mapping[str, str], column: str, *, ordered: bool = False
) -> str:
    """Why a query is not proven to be local; empty if it is.

    Arguments:
        inputs: the columns of every table, named as the query names it.
        split: by the name of each input that is read by slot, its partition column; all others are the same for every
            slot.
        column: the result's partition column.
        ordered: whether the order of the result's rows is content.
    """
    if ordered:
        return "the order of its rows is content, which SQL does not promise"
    try:
        statements = parse_statements(to_duckdb(sql), rules_of("duckdb"))
        deeply(lambda: _check(statements, inputs, split, column))
    except (NotLocalError, HeadwaterError) as error:
        return error.what if isinstance(error, HeadwaterError) else str(error)
    return ""


def _check(
    statements: list[exp.Expr], inputs: Mapping[str, Mapping[str, str]], split: Mapping[str, str], column: str
) -> None:
    node = statements[0]
    if len(statements) > 1 or not isinstance(node, exp.Select):
        raise NotLocalError("its query is more than one SELECT")
    for name, said in _REFUSED.items():
        if node.args.get(name):
            raise NotLocalError(f"its query has {said}")
    reasons = order_matters(node)
    if reasons:
        raise NotLocalError(f"the order of input rows can reach values through {', '.join(reasons)}")
    if any(isinstance(inner, _ROW_SHAPES) for inner in node.walk()):
        raise NotLocalError("its query makes rows in a way of which nothing is known")
    lower = {name.lower(): frozenset(one.lower() for one in columns) for name, columns in inputs.items()}
    by_slot = {name.lower(): own.lower() for name, own in split.items()}
    _subqueries(node, by_slot)
    tables = _from(node, lower, by_slot)
    if tables.whole:
        raise NotLocalError("its query reads no input by partition")
    _groups(node, tables)
    for window in _own(node, exp.Window):
        _window(window, tables)
    if not _gives(node, tables, column.lower()):
        raise NotLocalError(f"its column {column} is not the partition column of an input as it was read")


def _own(node: exp.Select, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The expressions of a kind that belong to this SELECT and not to one inside it."""
    for inner in node.find_all(kind):
        if inner.find_ancestor(exp.Select) is node:
            yield inner


def _subqueries(node: exp.Select, by_slot: Mapping[str, str]) -> None:
    for query in node.find_all(exp.Query):
        if query is not node and any(_name(table) in by_slot for table in query.find_all(exp.Table)):
            raise NotLocalError("a subquery reads an input that is read by partition")


def _name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts).lower()


def _from(node: exp.Select, inputs: Mapping[str, frozenset[str]], by_slot: Mapping[str, str]) -> _Tables:
    tables = _Tables()
    first = node.args.get("from_") or node.args.get("from")
    if first is None:
        raise NotLocalError("its query reads no table")
    conditions = list(_conjuncts(node.args["where"].this)) if node.args.get("where") else []
    _add(tables, first.this, None, conditions, inputs, by_slot)
    for join in node.args.get("joins") or []:
        _add(tables, join.this, join, conditions, inputs, by_slot)
    return tables


def _add(
    tables: _Tables,
    item: exp.Expr,
    join: exp.Join | None,
    conditions: list[exp.Expr],
    inputs: Mapping[str, frozenset[str]],
    by_slot: Mapping[str, str],
) -> None:
    """Takes one more table into FROM, and sees to it that its rows meet others of their slot only."""
    if item.args.get("joins") or not isinstance(item, exp.Table | exp.Subquery):
        raise NotLocalError("its query joins in a way of which nothing is known")
    name = _name(item) if isinstance(item, exp.Table) else ""
    if isinstance(item, exp.Table) and name not in inputs:
        raise NotLocalError(f"its query reads {name or 'something'}, which is none of its inputs")
    alias = (item.alias_or_name or name).lower()
    if alias in tables.columns:
        raise NotLocalError(f"two of its tables are called {alias}")
    before = set(tables.carriers)
    tables.columns[alias] = inputs.get(name)
    own = {(alias, by_slot[name])} if name in by_slot else set()
    kind = "INNER" if join is None else _kind(join)
    if tables.whole or not own:
        allowed = {"INNER", "RIGHT"} if own else {"INNER", "LEFT", "SEMI", "ANTI"}
        if kind not in allowed and not (tables.whole and not own):
            raise NotLocalError(f"its {kind} join keeps rows that are the same for every partition")
    else:
        extra = conditions if kind == "INNER" else []
        if not _meets_by_slot(tables, join, extra, before, own):
            raise NotLocalError("it joins two partitioned inputs without their partition columns")
    for one in (join.args.get("using") or []) if join is not None else []:
        holder = next((other for other in tables.columns if one.name.lower() in (tables.columns[other] or ())), "")
        tables.merged.setdefault(one.name.lower(), alias if kind == "RIGHT" else holder if kind != "FULL" else "")
    if kind in ("RIGHT", "FULL"):
        before = set()
    tables.carriers = before | (own if kind in ("INNER", "RIGHT") or join is None else set())
    tables.whole = tables.whole and not own


def _kind(join: exp.Join) -> str:
    side, kind, method = (str(join.args.get(name) or "").upper() for name in ("side", "kind", "method"))
    if method or kind not in ("", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"):
        raise NotLocalError(f"it joins in a way of which nothing is known ({method or kind})")
    return kind if kind in ("SEMI", "ANTI") else side or "INNER"


def _meets_by_slot(
    tables: _Tables,
    join: exp.Join | None,
    extra: list[exp.Expr],
    before: set[tuple[str, str]],
    own: set[tuple[str, str]],
) -> bool:
    using = {one.name.lower() for one in (join.args.get("using") or [])} if join is not None else set()
    if any(name in using for _, name in own) and any(name in using for _, name in before):
        return {name for _, name in own} & using == {name for _, name in before if name in using}
    on = join.args.get("on") if join is not None else None
    for one in [*(_conjuncts(on) if on is not None else ()), *extra]:
        if isinstance(one, exp.EQ):
            pair = {tables.of(one.this), tables.of(one.expression)}
            if pair & before and pair & own:
                return True
    return False


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Paren):
        yield from _conjuncts(node.this)
    elif isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    else:
        yield node


def _groups(node: exp.Select, tables: _Tables) -> None:
    """Rows meet only in groups, or as duplicates, that have a carrier."""
    plain = [tables.carries(_bare(one)) for one in node.expressions]
    distinct = node.args.get("distinct")
    if distinct is not None and not (any(plain) or _starred(node, tables)):
        raise NotLocalError("it drops duplicates without the partition column")
    group = node.args.get("group")
    if group is not None:
        # Beside ROLLUP, CUBE or GROUPING SETS these are the columns that are in every set.
        keys = [_position(one, node) for one in group.expressions]
        if not (any(tables.carries(key) for key in keys) or (group.args.get("all") and any(plain))):
            raise NotLocalError("it groups without the partition column")
        return
    names = aggregate_functions()
    for function in _own(node, exp.Func):
        called = _called(function)
        aggregates = isinstance(function, exp.AggFunc) or called in names
        if aggregates and not isinstance(function.parent, exp.Window | exp.Filter | exp.IgnoreNulls):
            raise NotLocalError(f"its {called}() goes over rows of other partitions")
        if aggregates and function.find_ancestor(exp.Window) is None:
            raise NotLocalError(f"its {called}() goes over rows of other partitions")
    if node.args.get("having"):
        raise NotLocalError("it groups all rows")


def _called(function: exp.Expr) -> str:
    own = isinstance(function, exp.Func) and not isinstance(function, exp.Anonymous)
    return str(type(function).sql_name() if own else function.name).lower()  # type: ignore[attr-defined]


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Alias) else node


def _position(key: exp.Expr, node: exp.Select) -> exp.Expr:
    """The expression that a number in GROUP BY stands for; any other key as it is."""
    if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
        place = int(key.name) - 1
        if any(one.is_star for one in node.expressions[: place + 1]) or not 0 <= place < len(node.expressions):
            raise NotLocalError("it groups by a column whose place cannot be told")
        return _bare(node.expressions[place])
    return key


def _window(window: exp.Expr, tables: _Tables) -> None:
    spec = window.args.get("spec")
    if spec is not None and str(spec.args.get("kind") or "").upper() != "RANGE":
        raise NotLocalError("a window counts rows, and which come first among equals is not told")
    if not any(tables.carries(one) for one in window.args.get("partition_by") or []):
        raise NotLocalError("its window is without the partition column")


def _starred(node: exp.Select, tables: _Tables) -> bool:
    return any(isinstance(one, exp.Star) and not one.args for one in node.expressions) and bool(tables.carriers)


def _gives(node: exp.Select, tables: _Tables, column: str) -> bool:
    """Whether the result's partition column is a carrier as it was read."""
    named = [one for one in node.expressions if not one.is_star and one.alias_or_name.lower() == column]
    if named:
        return len(named) == 1 and not any(one.is_star for one in node.expressions) and tables.carries(_bare(named[0]))
    stars = [one for one in node.expressions if isinstance(one, exp.Star)]
    owners = [alias for alias, columns in tables.columns.items() if columns is None or column in columns]
    bare = all(not stars[0].args.get(name) for name in ("except_", "except", "replace", "rename")) if stars else False
    return len(stars) == 1 and bare and len(owners) == 1 and (owners[0], column) in tables.carriers
