"""What entered the digests of an asset's code: its functions, values, environment variables, distributions, query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.errors import HeadwaterError, UsageError
from assets_core.facts import Facts
from assets_core.published import Published
from assets_core.versions import CodeVersion
from headwater.pointers import current, records_shown
from lineage.code import Part
from lineage.code_record import changes
from lineage.columns.sql_shown import canonical_query
from lineage.derive import read_source, with_source
from materializers.observe import asset_facts, input_schemas, read_eager, with_upstream

if TYPE_CHECKING:
    from headwater.project import Project


@dataclass(frozen=True, slots=True)
class CodeCard:
    """The code version of one asset and what it was made of.

    Arguments:
        version: with the plan digest where it is known and valid, and the source digest; None while the schemas of
            the inputs are not known.
        parts: what entered the source digest.
        notes: sentences about what could not be captured.
        query: the canonical query of a SQL asset; empty otherwise.
        warnings: why no plan could be read, and the like.
        changes: what differs from the code that made what is published, a sentence each.
    """

    asset: str
    version: CodeVersion | None
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    query: str = ""
    warnings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def evidence(self) -> str:
        """What decides whether the code changed: ``pinned``, ``plan``, ``sql`` or ``source``; empty if not known."""
        if self.version is None:
            return ""
        if self.version.pinned is not None:
            return "pinned"
        return ("sql" if self.query else "plan") if self.version.plan is not None else "source"


def code_card(project: Project, name: str) -> CodeCard:
    """Reads an asset's code as it stands now; no data is touched.

    Raises:
        UsageError: HW675, it is a source.
    """
    asset = project.graph.find(name)
    if not isinstance(asset, Asset):
        raise UsageError("HW675", f"{asset.key} is a source: it has no code", where=asset.where)
    facts = _facts(project, asset.key)
    derivation = facts.assets[asset.key].derivation
    inputs = input_schemas(project.graph, asset, facts)
    version = None if derivation is None else with_source(asset, derivation.code, inputs, project.scene.derived)
    reading = read_source(asset, inputs, project.scene.derived)
    query = ""
    if asset.sql is not None:
        schemas = {bound.name: dict(schema or ()) for bound, schema in inputs}
        query = _query(asset, schemas)
    published = current(project, records_shown(project, {asset.key}, lineage=False))
    sources = dict.fromkeys(project.catalog.code_source(made.id) for made in published.values())
    said = [sentence for text in sources if text for sentence in changes(text, asset, reading)]
    return CodeCard(
        asset.key,
        version,
        reading.parts,
        reading.notes,
        query,
        derivation.warnings if derivation is not None else (),
        tuple(dict.fromkeys(said)),
    )


def _facts(project: Project, key: str) -> Facts:
    """Facts from the records alone: schemas are derived, declared, or those of what is published."""
    needed = with_upstream(project.graph, [key])
    published = records_shown(project, needed, lineage=False)
    facts = Facts(project.graph, datetime.now(UTC), {}, Published(published))
    read_eager(project.scene, needed)
    for asset in project.graph.assets:
        if asset.key in needed:
            facts.assets[asset.key] = asset_facts(project.scene, asset, facts)
    return facts


def _query(asset: Asset[..., Any], schemas: dict[str, dict[str, str]]) -> str:
    try:
        return canonical_query(asset.sql or "", schemas, dialect=asset.dialect)
    except HeadwaterError:
        return asset.sql or ""
