"""The columns of a join: which side each one comes from, and under which name."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.columns.polars_state import SORT, Column, FrameState, indirect, merge


def join_columns(
    how: str,
    left: FrameState,
    right: FrameState,
    on_left: Sequence[str | None],
    on_right: Sequence[str | None],
    *,
    suffix: str,
    coalesce: bool,
    by_right: Sequence[str],
    names: Sequence[str],
) -> dict[str, Column]:
    """The columns of the joined frame.

    Arguments:
        how: polars' name of the kind of join, ``"Inner"``, ``"Left"``, ``"AsOf"`` and so on.
        left, right: the frames that are joined.
        on_left, on_right: the names of the keys, None for a key that is computed.
        suffix: what is added to a right column's name that the left has too.
        coalesce: whether a pair of keys becomes one column.
        by_right: further keys of an as-of join that are dropped on the right.
        names: the columns that polars says the result has, in order.

    Raises:
        ValueError: the result would have other columns than polars says.
    """
    if how in ("Semi", "Anti"):
        return dict(left.columns)
    if how == "AsOf":
        # Among rows of equal key the last one or first one is taken, so the order on the right reaches values. polars
        # goes through both sides once; whether the left is sorted it does not look at where there are further keys.
        looked_at = not by_right or left.sorted_by == on_left[0]
        order = indirect(right.order if looked_at else merge(left.order, right.order), SORT)
        right = FrameState(
            {n: Column(merge(c.deps, order), c.fields) for n, c in right.columns.items()},
            right.rows,
            right.order,
            right.tables,
        )
    columns = dict(left.columns)
    dropped = set(by_right)
    if coalesce and how == "Right":
        for name in on_left:
            if name is not None:
                columns.pop(name, None)
    elif coalesce:
        dropped |= {name for name in on_right if name is not None}
    if coalesce and how == "Full":
        for mine, other in zip(on_left, on_right, strict=True):
            if mine is not None and other is not None:
                columns[mine] = Column(merge(left.columns[mine].whole(), right.columns[other].whole()))
    for name, column in right.columns.items():
        if name in dropped:
            continue
        columns[name if name not in columns else f"{name}{suffix}"] = column
    if list(columns) != list(names):
        raise ValueError("the joined columns are not those that polars gives")
    return columns
