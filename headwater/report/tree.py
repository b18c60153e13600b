"""Column lineage as a tree of text."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from assets_core.column_lineage import ORDER, ROWS, EdgeKind, Evidence
from headwater.report.flow import Flow, Point, Walk
from headwater.report.style import Style, clean, cut, display_width

_KINDS_SHOWN = 2
_LONG_TREE = 4
"""A tree may be so many times longer than a list before it is cut."""


class _Marks(NamedTuple):
    """What branches are drawn with: direct ones, indirect ones, and the bars that lead past a branch."""

    direct: tuple[str, str]
    indirect: tuple[str, str]
    bar: str = "|  "
    gap: str = "   "


_BOXES = _Marks(("├─ ", "└─ "), ("├┄ ", "└┄ "), "│  ")
_ASCII = _Marks(("|- ", "`- "), ("|. ", "`. "))


class _Branch(NamedTuple):
    point: Point
    kinds: tuple[EdgeKind, ...]
    evidence: Evidence

    @property
    def direct(self) -> bool:
        return any(kind.direct for kind in self.kinds)


class _Line(NamedTuple):
    lead: str
    name: str
    kinds: str
    note: str
    direct: bool


def tree_text(walk: Walk, style: Style, *, sources: Collection[str] = ()) -> str:
    """The walk as a tree; direct influences with a solid branch, indirect ones with a dotted one.

    A branch that comes again is named and not repeated, and what touches every column of an asset alike is drawn
    under the first of its columns only.

    Arguments:
        sources: asset keys at which data enters, marked as such.
    """
    lines = _Drawing(walk, style, sources).lines()
    name_width = max((display_width(line.lead + line.name) for line in lines), default=0)
    kind_width = max((len(line.kinds) for line in lines), default=0)
    if style.width is not None:
        name_width = min(name_width, max(24, style.width - kind_width - 14))
    drawn = [_draw(line, name_width, kind_width, style) for line in lines]
    most = None if style.limit is None else style.limit * _LONG_TREE
    if most is not None and len(drawn) > most:
        rest = f"... {len(drawn) - most:,} more lines: --all shows them, --depth 1 shows less"
        drawn = [*drawn[:most], style.dim(rest)]
    return "\n".join(drawn)


def _draw(line: _Line, name_width: int, kind_width: int, style: Style) -> str:
    if not line.lead:
        return style.bold(line.name)
    room = name_width - display_width(line.lead)
    name = cut(line.name, max(room, 8), style.unicode)
    padding = " " * max(0, room - display_width(name))
    kinds = line.kinds if line.direct else style.paint(line.kinds, "yellow")
    shown = name if line.direct else style.dim(name)
    rest = f"{kinds}{' ' * (kind_width - len(line.kinds))}  {style.dim(line.note)}" if line.note else kinds
    return f"{style.dim(line.lead)}{shown}{padding}  {rest}".rstrip()


class _Drawing:
    """Draws depth first, and remembers what was drawn."""

    def __init__(self, walk: Walk, style: Style, sources: Collection[str]) -> None:
        self.walk = walk
        self.marks = _BOXES if style.unicode else _ASCII
        self.sources = sources
        # On a terminal names are worth more room than the third way in which a column matters.
        self.most_kinds = len(EdgeKind) if style.width is None else _KINDS_SHOWN
        self.drawn: set[Point] = set()
        self.whole: set[str] = set()
        self._next: Callable[[Point], list[_Branch]] = self._upstream if walk.up else self._downstream
        self._by_near: dict[Point, list[Flow]] = {}
        self._by_table: dict[str, list[Flow]] = {}
        for flow in walk.flows:
            near = flow.target if walk.up else flow.source
            self._by_near.setdefault(near, []).append(flow)
            self._by_table.setdefault(near.table, []).append(flow)

    def lines(self) -> list[_Line]:
        """Every line of the tree, roots first."""
        lines: list[_Line] = []
        for root in self.walk.roots:
            note = "(no column feeds it)" if self.walk.up else "(feeds nothing)"
            branches = self._open(root)
            lines.append(_Line("", clean(str(root)) + ("" if branches else f"  {note}"), "", "", True))
            waiting = self._stacked(branches, "")
            while waiting:
                branch, before, last = waiting.pop()
                ends = self.marks.direct if branch.direct else self.marks.indirect
                repeated = branch.point in self.drawn and bool(self._next(branch.point))
                below = [] if repeated else self._open(branch.point)
                kinds = self._kinds(branch)
                note = "see above" if repeated else self._note(branch)
                lines.append(_Line(before + ends[last], clean(str(branch.point)), kinds, note, branch.direct))
                waiting.extend(self._stacked(below, before + (self.marks.gap if last else self.marks.bar)))
        return lines

    def _kinds(self, branch: _Branch) -> str:
        shown = branch.kinds[: self.most_kinds]
        rest = len(branch.kinds) - len(shown)
        return ", ".join(shown) + (f", +{rest}" if rest else "")

    def _stacked(self, branches: list[_Branch], before: str) -> list[tuple[_Branch, str, bool]]:
        return [(branch, before, place == 0) for place, branch in enumerate(reversed(branches))]

    def _open(self, point: Point) -> list[_Branch]:
        self.drawn.add(point)
        branches = self._next(point)
        if self.walk.up:
            self.whole.add(point.table)
        return branches

    def _note(self, branch: _Branch) -> str:
        notes = []
        if branch.evidence is not Evidence.DERIVED:
            notes.append(str(branch.evidence))
        if branch.point.table in self.sources:
            notes.append("source")
        return ", ".join(notes)

    def _upstream(self, point: Point) -> list[_Branch]:
        if point.column is None:
            return _branches([(flow.source, flow) for flow in self._by_table.get(point.table, ())])
        flows = list(self._by_near.get(point, ()))
        if point.table not in self.whole:
            flows.extend(self._by_near.get(Point(point.table, None), ()))
        return _branches([(flow.source, flow) for flow in flows])

    def _downstream(self, point: Point) -> list[_Branch]:
        flows = self._by_table.get(point.table, []) if point.column is None else self._by_near.get(point, [])
        whole = {flow.target.table for flow in flows if flow.target.column is None}
        # What reaches every column of an asset reaches the number and the order of its rows too.
        implied = {Point(table, name) for table in whole for name in (ROWS, ORDER)}
        return _branches([(flow.target, flow) for flow in flows if flow.target not in implied])


def _branches(found: list[tuple[Point, Flow]]) -> list[_Branch]:
    grouped: dict[Point, list[Flow]] = {}
    for point, flow in found:
        grouped.setdefault(point, []).append(flow)
    order = list(EdgeKind)
    branches = [
        _Branch(point, tuple(sorted({flow.kind for flow in flows}, key=order.index)), flows[0].evidence)
        for point, flows in grouped.items()
    ]
    return sorted(branches, key=lambda one: (not one.direct, one.point.table, one.point.column or ""))
