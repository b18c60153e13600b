"""The auditor's questions: the manifest of a materialization, verification, the log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assets_core.errors import UsageError
from assets_core.keys import parse_slot
from headwater.use_cases import published
from lineage import audit
from lineage.manifest import manifest

if TYPE_CHECKING:
    from headwater.project import Project


def manifest_of(project: Project, what: str) -> dict[str, Any]:
    """See ``Project.manifest``."""
    known = project.catalog.materializations([what]) if is_id(what) else {}
    if known:
        return manifest(project.catalog, what)
    slot = parse_slot(what)
    found = published(project, slot.asset, slot.partition, None)
    if len(found) > 1:
        raise UsageError(
            "HW614",
            f"{slot.asset} is partitioned, and each slot has a manifest of its own",
            hint=f"name one: {found[-1].slot}",
        )
    return manifest(project.catalog, found[0].id)


def verify(project: Project, *, data: bool) -> audit.AuditReport:
    """See ``Project.verify``."""
    return audit.verify(project.catalog, project.tables.digest, data=data)


def audit_log(project: Project, limit: int, asset: str | None) -> list[dict[str, Any]]:
    """See ``Project.audit_log``."""
    key = None if asset is None else project.graph.find(asset).key
    return [asdict(one) for one in audit.log(project.catalog, limit, key)]


def is_id(text: str) -> bool:
    """Whether a text has the form of a materialization's id."""
    return len(text) == 36 and text.count("-") == 4
