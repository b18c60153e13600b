"""The manifest: everything the catalog knows of one materialization, as one JSON-ready document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assets_core.check import CheckResult
from assets_core.column_lineage import ColumnLineage
from assets_core.errors import UsageError
from assets_core.recipe import Recipe
from assets_core.records import Materialization, Publication
from assets_core.versions import CodeVersion, DataVersion
from lineage.catalog.store import Catalog
from lineage.catalog.values import Retired


def manifest(catalog: Catalog, materialization_id: str) -> dict[str, Any]:
    """Everything an auditor needs on one materialization.

    Returns:
        A document of texts, numbers, lists and mappings. ``upstream`` lists the ids of all materializations and
        observations that it was made from, nearest first, down to sources; each has its own manifest.
        ``withdrawn_upstream`` tells which of them were found wrong since. ``accepted`` tells where it stays shown
        although the code is another now.

    Raises:
        UsageError: HW641, there is no such materialization.
    """
    made = catalog.materializations([materialization_id]).get(materialization_id)
    entry = catalog.entry(materialization_id)
    if made is None or entry is None:
        raise UsageError(
            "HW641",
            f"there is no materialization {materialization_id!r}",
            hint="headwater audit log ASSET lists those of an asset",
        )
    above = upstream(catalog, made)
    return {
        "materialization": made.id,
        "kind": made.kind.value,
        "asset": made.slot.asset,
        "partition": made.slot.partition,
        "created": made.created.isoformat(),
        "blocked": made.blocked,
        "seconds": made.seconds,
        "cpu_seconds": made.cpu_seconds,
        "run": _run(catalog, made.run_id),
        "code": _code(made.recipe.code, catalog.code_source(made.id)) if made.recipe else None,
        "recipe": _recipe(made.recipe) if made.recipe else None,
        "schema": [{"name": name, "type": kind} for name, kind in made.schema],
        "rows": made.version.rows,
        "version": _version(made.version),
        "lineage": _lineage(made.lineage) if made.lineage else None,
        "checks": [
            {
                "at": one.at.isoformat(),
                "run": one.run_id,
                "before_publication": one.sequence == entry.sequence,
                "results": [_result(result) for result in one.results],
            }
            for one in catalog.check_results(made.id)
        ],
        "stored": _stored(made),
        "metadata": dict(made.metadata),
        "publications": _publications(catalog, made),
        "retired": [
            {"how": one.how.value, "reason": one.reason, "run": one.run_id, "at": one.at.isoformat()}
            for one in catalog.retirements(made.id)
        ],
        "accepted": _accepted(catalog, made.id),
        "upstream": above,
        "withdrawn_upstream": _withdrawn(catalog, above),
        "log": {"sequence": entry.sequence, "hash": entry.hash},
    }


def upstream(catalog: Catalog, made: Materialization) -> list[str]:
    """The ids of all that a materialization was made from, nearest first, each once, down to sources."""
    found: dict[str, None] = {}
    layer = {made.id: made}
    while layer:
        named = {
            part.materialization: None
            for one in layer.values()
            if one.recipe is not None
            for read in one.recipe.inputs
            for part in read.parts
        }
        new = [identifier for identifier in named if identifier not in found and identifier != made.id]
        found.update(dict.fromkeys(new))
        layer = catalog.materializations(new, lineage=False)
    return list(found)


def _withdrawn(catalog: Catalog, ids: list[str]) -> list[dict[str, Any]]:
    """Those of some materializations that were withdrawn, with who said so and why."""
    among = set(ids)
    gone = [one for one in catalog.retirements() if one.how is Retired.WITHDRAWN and one.materialization in among]
    records = catalog.materializations([one.materialization for one in gone], lineage=False)
    found = []
    for one in gone:
        slot = records[one.materialization].slot
        run = catalog.run(one.run_id) if one.run_id else None
        found.append(
            {
                "materialization": one.materialization,
                "asset": slot.asset,
                "partition": slot.partition,
                "reason": one.reason,
                "actor": run.actor if run else "",
                "at": one.at.isoformat(),
            }
        )
    return found


def _accepted(catalog: Catalog, identifier: str) -> list[dict[str, Any]]:
    """Where it stays shown although the code is another now, with the code that was accepted, who said so and why."""
    return [
        {
            "env": one.env,
            "actor": one.acceptance.actor,
            "at": one.acceptance.at.isoformat(),
            "reason": one.acceptance.reason,
            "run": one.acceptance.run_id,
            "recorded": one.recorded,
            "code": _code(one.acceptance.code, one.source),
        }
        for one in catalog.acceptances(materialization=identifier)
    ]


def _run(catalog: Catalog, run_id: str) -> dict[str, Any]:
    run = catalog.run(run_id)
    if run is None:
        return {"id": run_id}
    return {
        "id": run.id,
        "env": run.env,
        "actor": run.actor,
        "command": run.command,
        "selection": run.selection,
        "started": run.started.isoformat(),
        "ended": run.ended and run.ended.isoformat(),
        "state": run.state.value,
        "reason": run.reason,
        "process": dict(run.process),
    }


def _code(code: CodeVersion, text: str) -> dict[str, Any]:
    evidence = "pinned" if code.pinned is not None else "plan" if code.plan is not None else "source"
    return {
        "id": code.id,
        "evidence": evidence,
        "plan": code.plan,
        "plan_scheme": code.plan_scheme,
        "source": code.source,
        "source_scheme": code.source_scheme,
        "pinned": code.pinned,
        "text": text,
    }


def _recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "id": recipe.id,
        "asset": recipe.asset,
        "partition": recipe.partition,
        "window": list(recipe.window),
        "config": _decoded(recipe.config),
        "settings": _decoded(recipe.settings),
        "inputs": [
            {
                "name": one.name,
                "asset": one.asset,
                "columns": [{"name": name, "type": kind} for name, kind in one.columns],
                "slots": [
                    {"partition": part.partition, "materialization": part.materialization, "version": part.version}
                    for part in one.parts
                ],
            }
            for one in recipe.inputs
        ],
    }


def _decoded(values: Mapping[str, str]) -> dict[str, Any]:
    decoded: dict[str, Any] = {}
    for name, text in values.items():
        try:
            decoded[name] = json.loads(text)
        except ValueError:
            decoded[name] = text
    return decoded


def _version(version: DataVersion) -> dict[str, Any]:
    return {
        "scheme": version.scheme,
        "key": list(version.key),
        "columns": dict(version.columns),
        "projections": [
            {"columns": list(names), "version": digest} for names, digest in sorted(version.projections.items())
        ],
        "order": version.order,
        "content": version.content,
    }


def _lineage(lineage: ColumnLineage) -> dict[str, Any]:
    """The edges by output column; those that touch the whole asset are apart, and hold for each of its columns."""
    columns: dict[str, list[dict[str, Any]]] = {name: [] for name in lineage.columns}
    whole: list[dict[str, Any]] = []
    for source, target, kind, _, resolution in sorted(lineage.edges, key=repr):
        edge = {
            "source": {"asset": source.table, "column": source.column},
            "kind": kind.value,
            "resolution": resolution.value,
            "evidence": lineage.evidence.value,
        }
        (whole if target is None else columns.setdefault(target, [])).append(edge)
    return {
        "evidence": lineage.evidence.value,
        "columns": columns,
        "all_columns": whole,
        "warnings": list(lineage.warnings),
    }


def _result(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "kind": result.kind,
        "severity": result.severity.value,
        "passed": result.passed,
        "failed_rows": result.failed_rows,
        "message": result.message,
        "sample": list(result.sample),
    }


def _stored(made: Materialization) -> dict[str, Any] | None:
    stored = made.stored
    if stored is None:
        return None
    return {
        "storage": stored.storage,
        "location": stored.location,
        "bytes": stored.bytes,
        "digest": stored.digest,
    }


def _publications(catalog: Catalog, made: Materialization) -> list[dict[str, Any]]:
    """Where it was shown, since when and until when."""
    shown: list[dict[str, Any]] = []
    for one in catalog.publications(materialization=made.id):
        later = catalog.publications(one.env, slot=one.slot)
        ended = next((other for other in later if other.sequence > one.sequence), None)
        shown.append(_publication(catalog, one, ended))
    return shown


def _publication(catalog: Catalog, one: Publication, ended: Publication | None) -> dict[str, Any]:
    run = catalog.run(one.run_id)
    return {
        "env": one.env,
        "asset": one.slot.asset,
        "partition": one.slot.partition,
        "from": one.at.isoformat(),
        "until": ended and ended.at.isoformat(),
        "run": one.run_id,
        "actor": run.actor if run else "",
        "instead_of": one.previous,
        "sequence": one.sequence,
    }
