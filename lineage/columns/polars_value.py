"""What is known of the result of an expression.

It has one of three shapes. ``SCALAR``: one value for the whole frame. ``ALIGNED``: one for each row, in the order of
the rows. ``FREE``: anything else, with influences of its own on how long it is and in which order it comes.
"""

from __future__ import annotations

from lineage.columns.polars_state import NOTHING, Column, Deps, merge

SCALAR, ALIGNED, FREE = 0, 1, 2


class Value:
    """The influences on the result of an expression, and its shape (see the module)."""

    __slots__ = ("deps", "fields", "length", "order", "shape")

    def __init__(
        self,
        deps: Deps,
        shape: int,
        length: Deps = NOTHING,
        order: Deps = NOTHING,
        fields: dict[str, Column] | None = None,
    ) -> None:
        self.deps = deps
        self.shape = shape
        self.length = length
        self.order = order
        self.fields = fields

    def whole(self) -> Deps:
        """The influences on the value, fields of a struct included."""
        if self.fields is None:
            return self.deps
        return merge(self.deps, *(item.whole() for item in self.fields.values()))

    def column(self) -> Column:
        """The value as a column of a frame."""
        return Column(self.deps, self.fields)
