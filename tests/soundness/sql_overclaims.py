"""Whether every direct edge claimed on TPC-H and TPC-DS really carries a value.

For each edge the source column alone is changed, in the query and in weaker ones that compute the same and let more
rows through, until the output column is seen to change. An effect tells of a value only if the column does not decide
on rows as well; so an edge whose column does is confirmed only where a value that was made up arrives in the output.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from assets_core.column_lineage import ROWS, ColumnLineage, ColumnRef, Edge, EdgeKind
from lineage.columns.sql import sql_lineage
from tests.soundness.sql_relax import LEVELS, relaxed
from tests.soundness.sql_tpc import SUITES, Suite, suite

REVIEWED = frozenset(
    line
    for line in Path(__file__).with_name("sql_reviewed.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
"""Edges that no change of data confirms here and that a person found in the query's text."""
SECONDS = 4.0
"""The longest that one run of a query may take; a weaker query may meet far more rows than the suite's own."""

_STEADY = frozenset({EdgeKind.GROUP_BY, EdgeKind.WINDOW, EdgeKind.SORT})
_MARK = "§"

Prints = tuple[tuple[Any, bool], ...]
"""For each output column a number made of its values as a multiset, and whether a made-up value is among them."""


@dataclass
class Claimed:
    """What became of the direct edges claimed for a suite.

    Arguments:
        edges: how many there are.
        confirmed: how many were seen to carry a value, by the level of weakening that it took.
        unconfirmed: those that were not, as sentences.
        differing: queries whose weaker form has other direct edges, which would prove nothing.
    """

    edges: int = 0
    confirmed: dict[int, int] = field(default_factory=dict)
    unconfirmed: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        seen = sum(self.confirmed.values())
        weak = ", ".join(f"{count} at level {level}" for level, count in sorted(self.confirmed.items()))
        share = 100 * len(self.unconfirmed) / max(self.edges, 1)
        return (
            f"{self.edges} direct edges, {seen} seen to carry a value ({weak}), "
            f"{len(self.unconfirmed)} not ({share:.1f} %)"
        )


def overclaims(given: Suite) -> Claimed:
    """Tries every direct edge of every query of a suite."""
    base = _Base(given)
    found = Claimed()
    for number, sql in enumerate(given.queries, start=1):
        _query(f"{given.name} {number}", sql, base, found)
    return found


def _query(name: str, sql: str, base: _Base, found: Claimed) -> None:
    claimed = _direct(sql_lineage(sql, dialect="duckdb", schema=base.given.schema))
    found.edges += len(claimed)
    open_ = set(claimed)
    for level in range(LEVELS):
        if not open_:
            return
        weaker = relaxed(sql, level)
        lineage = sql_lineage(weaker, dialect="duckdb", schema=base.given.schema)
        if _direct(lineage) != claimed:
            found.differing.append(f"{name}, level {level}")
            continue
        seen = set(_seen(weaker, open_, lineage, base))
        found.confirmed[level] = found.confirmed.get(level, 0) + len(seen)
        open_ -= seen
    found.unconfirmed += sorted(f"{name}: {edge.source} -> {edge.target} {edge.kind}" for edge in open_)


def _direct(lineage: ColumnLineage) -> set[Edge]:
    return {edge for edge in lineage.edges if edge.kind.direct and edge.source.column != ROWS}


def _seen(sql: str, edges: set[Edge], lineage: ColumnLineage, base: _Base) -> Iterator[Edge]:
    """The edges whose source, changed alone, is seen to reach its output as a value."""
    before = base.prints(sql)
    if before is None:
        return
    left = set(edges)
    for filled in (False, True):
        for source in {edge.source for edge in left}:
            after = base.changed(sql, source, filled)
            if after is None:
                continue
            for edge in [edge for edge in left if edge.source == source]:
                place = edge.position or 0
                decides = _decides(edge, lineage)
                moved = before[place][0] != after[place][0]
                if after[place][1] or (moved and (not decides or (decides == {EdgeKind.CONDITIONAL} and not filled))):
                    left.discard(edge)
                    yield edge


def _decides(edge: Edge, lineage: ColumnLineage) -> set[EdgeKind]:
    """The ways in which an edge's source could change its output without reaching it.

    A change that keeps rows apart, in order and null where they were changes no group and no window.
    """
    kinds = {
        other.kind for other in lineage.edges if other.source == edge.source and other.position in (None, edge.position)
    }
    return {kind for kind in kinds if not kind.direct} - _STEADY


class _Base:
    """The data of a suite, and runs on it with one column changed."""

    def __init__(self, given: Suite) -> None:
        self.given = given
        self.connection = duckdb.connect()
        for setting in ("threads = 1", "memory_limit = '1GB'", "temp_directory = ''"):
            self.connection.execute(f"set {setting}")
        for table in given.schema:
            self.connection.execute(f"create table base_{table} as from '{given.folder / table}.parquet'")
            self.connection.execute(f"create view {table} as from base_{table}")

    def changed(self, sql: str, source: ColumnRef, filled: bool) -> Prints | None:
        """The prints with one column changed in every row; ``filled``: also where it is null."""
        table, column = source
        listed = ", ".join(
            f'{_other(name, kind, filled)} as "{name}"' if name == column else f'"{name}"'
            for name, kind in self.given.schema[table].items()
        )
        self.connection.execute(f"create or replace view {table} as select {listed} from base_{table}")
        try:
            return self.prints(sql)
        finally:
            self.connection.execute(f"create or replace view {table} as from base_{table}")

    def prints(self, sql: str) -> Prints | None:
        """What a query gives; None if it gives no rows, or not in time."""
        timer = Timer(SECONDS, self.connection.interrupt)
        timer.start()
        try:
            described = self.connection.execute(f"describe {sql}").fetchall()
            names = ", ".join(f"c{place}" for place in range(len(described)))
            parts = [part for place, row in enumerate(described) for part in _summed(f"c{place}", str(row[1]))]
            rows = self.connection.execute(f"select {', '.join(parts)}, count(*) from ({sql}) as t({names})").fetchall()
        except duckdb.Error:
            return None
        finally:
            timer.cancel()
        cells = rows[0]
        return tuple(zip(cells[:-1:2], cells[1:-1:2], strict=True)) if cells[-1] else None


def _summed(name: str, kind: str) -> Iterable[str]:
    value = f"format('{{:.9g}}', {name})" if kind in ("DOUBLE", "FLOAT") else name
    made_up = {"VARCHAR": f"contains({name}, '{_MARK}')", "DATE": f"{name} > date '2300-01-01'"}.get(kind, "false")
    return f"sum(hash({value}))", f"coalesce(bool_or({made_up}), false)"


def _other(name: str, kind: str, filled: bool) -> str:
    """An expression that gives other values in the same order, with the same sign, different for different values."""
    value = f'"{name}"'
    if kind == "VARCHAR":
        text = _or(value, "''", filled)
        return f"'{_MARK}' || {text}"
    if kind == "DATE":
        day = _or(value, "date '2000-01-01'", filled)
        return f"{day} + 146097"  # 400 years: weekdays and months stay
    some = _or(value, f"5::{kind}", filled)
    more = 1 if filled else 0  # so that zero changes too; not where its sign could matter
    return f"coalesce(try_cast({some} * 2 + floor({some} / 3) + {more} as {kind}), {some})"


def _or(value: str, instead: str, filled: bool) -> str:
    return f"coalesce({value}, {instead})" if filled else value


def main(suites: Iterable[Suite]) -> int:
    """Prints what was found; the exit status is 1 if more than 3 % were neither confirmed nor reviewed."""
    failed = False
    for given in suites:
        found = overclaims(given)
        unclear = [sentence for sentence in found.unconfirmed if sentence not in REVIEWED]
        failed = failed or len(unclear) > 0.03 * found.edges or bool(found.differing)
        print(f"{given.name}: {found}; {len(unclear)} of these not found in the query's text either", flush=True)
        for sentence in (*unclear, *(f"other direct edges: {name}" for name in found.differing)):
            print("  ", sentence)
    return int(failed)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir()) / "headwater-tpc"
    sys.exit(main(suite(name, folder) for name in SUITES))
