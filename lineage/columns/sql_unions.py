"""Set operations: how the columns of two or of many relations meet."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind, Resolution
from lineage.columns.sql_flow import Flow, marked, merged, through
from lineage.columns.sql_relation import Column, Relation, touched

_FILTER, _GROUP_BY = EdgeKind.FILTER, EdgeKind.GROUP_BY


def plain_union(operation: exp.SetOperation, left: Relation, right: Relation) -> bool:
    """Whether a UNION merges columns place by place and does nothing else, so that many can be merged at once."""
    if not isinstance(operation, exp.Union) or operation.args.get("by_name"):
        return False
    if any(operation.args.get(name) for name in ("order", "limit", "offset")):
        return False
    lefts, rights = list(left.expanded()), list(right.expanded())
    structs = any(column.fields for column in (*lefts, *rights))
    return len(lefts) == len(rights) and not structs and not any(column.tail for column in (*lefts, *rights))


def unions(first: Relation, others: list[tuple[exp.SetOperation, Relation]]) -> Relation:
    """A chain of plain UNIONs in one step: in linear time, however many branches there are."""
    if not others:
        return first
    branches = [touched(list(relation.expanded())) for relation in (first, *(right for _, right in others))]
    columns = [
        Column(column.name, merged(branch[place].flow for branch in branches))
        for place, column in enumerate(branches[0])
    ]
    rows = [first.rows, *(right.rows for _, right in others)]
    # The last UNION DISTINCT compares all columns of the branches up to it.
    last = max((place for place, (operation, _) in enumerate(others) if operation.args.get("distinct")), default=-1)
    compared = branches[: last + 2] if last >= 0 else []
    rows += [through(column.flow, _GROUP_BY) for branch in compared for column in branch]
    return Relation(columns, merged(rows), merged((first.counted, *(right.counted for _, right in others))))


def combined(operation: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    """UNION, INTERSECT or EXCEPT of two relations."""
    rows = [left.rows, right.rows]
    lefts, rights = touched(list(left.expanded())), touched(list(right.expanded()))
    if operation.args.get("by_name"):
        columns = _by_name(lefts, rights)
    elif isinstance(operation, exp.Except):
        columns = [Column(column.name, column.flow, column.fields, column.tail) for column in lefts]
        rows += [through(column.flow, _FILTER) for column in (*lefts, *rights)]
        rows.append(through(right.counted, _FILTER))
    else:
        columns = _by_position(lefts, rights)
    if isinstance(operation, exp.Intersect):
        rows += [through(column.flow, _FILTER) for column in (*lefts, *rights)]
    if operation.args.get("distinct"):
        rows += [through(column.flow, _GROUP_BY) for column in columns]
    return Relation(columns, merged(rows), merged((left.counted, right.counted)))


def _by_position(lefts: list[Column], rights: list[Column]) -> list[Column]:
    """Columns meet by place; from the first star on, every column may meet every other."""
    stars = [place for side in (lefts, rights) for place, column in enumerate(side) if column.tail]
    sure = min(stars) if stars else max(len(lefts), len(rights))
    if stars and len(lefts) == len(rights) == 1 and lefts[0].tail and rights[0].tail:
        return [_union_star(lefts[0], rights[0])]
    columns = []
    beyond = marked(merged(column.flow for column in rights[sure:]), Resolution.AMBIGUOUS)
    for place, column in enumerate(lefts):
        if place < sure:
            other = rights[place] if place < len(rights) else None
            flow = column.flow | other.flow if other else column.flow
            columns.append(Column(column.name, flow, _union_fields(column, other)))
        else:
            columns.append(Column(column.name, column.flow | _aligned(column, rights, beyond), None, column.tail))
    return columns


def _aligned(column: Column, rights: list[Column], beyond: Flow) -> Flow:
    same = [other for other in rights if other.name.lower() == column.name.lower() and not other.tail]
    return same[0].flow if len(same) == 1 and not column.tail else beyond


def _union_star(left: Column, right: Column) -> Column:
    one, other = left.tail, right.tail
    if one is None or other is None:  # pragma: no cover - asked for stars only
        return left
    tail = type(one)(one.flow | other.flow, lambda name: one.pick(name) | other.pick(name), one.without | other.without)
    return Column(left.name, tail.flow, None, tail)


def _union_fields(left: Column, right: Column | None) -> dict[str, Flow] | None:
    if right is None or left.fields is None or right.fields is None or left.fields.keys() != right.fields.keys():
        return None
    return {name: flow | right.fields[name] for name, flow in left.fields.items()}


def _by_name(lefts: list[Column], rights: list[Column]) -> list[Column]:
    columns = {column.name.lower(): column for column in lefts}
    for column in rights:
        known = columns.get(column.name.lower())
        columns[column.name.lower()] = (
            Column(known.name, known.flow | column.flow, None, known.tail or column.tail) if known else column
        )
    return list(columns.values())
