"""The column lineage of a project's assets: as it was published, or as the code stands now where it never was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef
from assets_core.errors import UsageError, did_you_mean
from assets_core.renames import renames_of
from headwater.pointers import current, records_shown, shown_in
from headwater.use_cases import moment_of
from headwater.validate import derivations
from lineage.trace import Trace, lineages_as_of, trace

if TYPE_CHECKING:
    from headwater.project import Project


class AssetLineage:
    """Walks from the columns of one asset.

    Arguments:
        key: the asset or source.
        as_of: a moment as a person writes it; now if None.
    """

    def __init__(self, project: Project, key: str, as_of: str | None) -> None:
        self.key = key
        self._project = project
        self._as_of = as_of
        self._moment: datetime | None = None if as_of is None else moment_of(project, as_of)

    def upstream(self, column: str, *, direct: bool = False) -> frozenset[ColumnRef]:
        """Every column that can influence a column, down to those of the sources.

        Raises:
            UsageError: HW618, there is no such column; HW615, nothing was published at the moment.
        """
        return self.trace(column, direct=direct).columns

    def downstream(self, column: str, *, direct: bool = False) -> frozenset[ColumnRef]:
        """Every column that a column can influence; ``*`` of an asset whose rows as a whole it touches."""
        return self.trace(column, direction="down", direct=direct).columns

    def trace(
        self,
        column: str | None = None,
        *,
        direction: Any = "up",
        depth: int | None = None,
        direct: bool = False,
    ) -> Trace:
        """The walk with every edge it met; from all columns if none is named."""
        lineages = self._lineages()
        columns = self._columns(lineages)
        if column is not None and column not in (*columns, ROWS, ORDER) and columns:
            raise UsageError("HW618", f"{self.key} has no column {column!r}", hint=did_you_mean(column, columns))
        names = columns if column is None else [column]
        start = [ColumnRef(self.key, name) for name in names]
        return trace(start, lineages, direction=direction, depth=depth, direct=direct)

    def published(self, column: str | None = None) -> list[ColumnLineage]:
        """The lineages of the asset's own slots, each once; of one column only if it is named.

        Raises:
            UsageError: HW618, there is no such column.
        """
        lineages = self._lineages()
        found = list(dict.fromkeys(lineages.get(self.key, ())))
        columns = self._columns(lineages)
        if column is None:
            return found
        if column not in columns:
            raise UsageError("HW618", f"{self.key} has no column {column!r}", hint=did_you_mean(column, columns))
        return [
            replace(
                one, columns=(column,), edges=frozenset(edge for edge in one.edges if edge.target in (None, column))
            )
            for one in found
        ]

    def _lineages(self) -> dict[str, Collection[ColumnLineage]]:
        found = all_lineages(self._project, self._moment)
        sources = {one.key for one in self._project.graph.sources}
        if self._moment is not None and self.key not in found and self.key not in sources:
            raise UsageError(
                "HW615",
                f"{self.key} was not published in {self._project.env} as of {self._as_of}",
                hint=f"headwater audit log --asset {self.key} tells when it was",
            )
        return found

    def _columns(self, lineages: dict[str, Collection[ColumnLineage]]) -> list[str]:
        own = [name for lineage in lineages.get(self.key, ()) for name in lineage.columns]
        if own:
            return list(dict.fromkeys(own))
        definition = self._project.graph.definitions.get(self.key)
        if definition is not None and definition.schema is not None:
            return [name for name, _ in definition.schema]
        shown = current(self._project, records_shown(self._project, {self.key}, lineage=False))
        return [name for name, _ in next(iter(shown.values())).schema] if shown else []


def all_lineages(project: Project, moment: datetime | None) -> dict[str, Collection[ColumnLineage]]:
    """By asset key, the lineages that its slots were published with; as the code stands now where there is none."""
    found: dict[str, Collection[ColumnLineage]] = dict(lineages_as_of(project.catalog, project.env, moment))
    renames = renames_of(project.graph.definitions)
    if renames:
        found = _under_present_keys(found, renames)
    if moment is None:
        _leave_orphaned_out(project, found)
        missing = [one.key for one in project.graph.assets if one.key not in found]
        if missing:
            for key, derivation in derivations(project).items():
                if key in missing:
                    found[key] = (derivation.lineage,)
    return found


def _leave_orphaned_out(project: Project, lineages: dict[str, Collection[ColumnLineage]]) -> None:
    """Takes out of the lineages of assets that have several those that only orphaned slots have."""
    definitions = project.graph.definitions
    several = {key for key, found in lineages.items() if len(found) > 1 and key in definitions}
    published = shown_in(project, project.env, several)
    now = datetime.now(UTC)
    for key in several:
        partitions = definitions[key].partitions
        if not published.shows_just(key, (None,) if partitions is None else partitions.keys(now)):
            made = current(project, records_shown(project, {key})).values()
            found = dict.fromkeys(one.lineage for one in made if one.lineage is not None)
            lineages[key] = tuple(_called_now(one, renames_of(definitions)) for one in found)


def _under_present_keys(
    lineages: Mapping[str, Collection[ColumnLineage]], renames: Mapping[str, str]
) -> dict[str, Collection[ColumnLineage]]:
    """The lineages with assets called as they are now, those of former keys where there is nothing newer."""
    found: dict[str, Collection[ColumnLineage]] = {}
    for key, several in sorted(lineages.items(), key=lambda pair: pair[0] in renames):
        found.setdefault(renames.get(key, key), tuple(_called_now(one, renames) for one in several))
    return found


def _called_now(lineage: ColumnLineage, renames: Mapping[str, str]) -> ColumnLineage:
    edges = (
        edge._replace(source=ColumnRef(renames.get(edge.source.table, edge.source.table), edge.source.column))
        for edge in lineage.edges
    )
    return replace(lineage, edges=frozenset(edges))
