"""The auditor's questions: the manifest of a materialization, verification, the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from assets_core.errors import HeadwaterError, UsageError
from assets_core.keys import parse_slot
from assets_core.records import Stored
from headwater import config
from headwater.config import Settings
from headwater.pointers import recorded_key, with_former
from headwater.use_cases import published
from lineage import audit
from lineage.catalog.values import Head
from lineage.manifest import manifest

if TYPE_CHECKING:
    from headwater.project import Project
    from materializers.tables import Tables

_HEAD = re.compile(r"(?P<sequence>[0-9]{1,18})\s+(?P<hash>[0-9a-fA-F]{64})")


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


def verify(project: Project, *, data: bool, head: str | None) -> audit.AuditReport:
    """See ``Project.verify``."""
    anchor = None if head is None else _noted(head)
    with ExitStack() as opened:
        places = [(project.settings, project.tables)]
        for settings in _of_other_environments(project):
            places.append((settings, opened.enter_context(closing(project.tables_under(settings)))))
        return audit.verify(project.catalog, partial(_digest, places), data=data, anchor=anchor)


def audit_log(project: Project, limit: int, asset: str | None) -> list[dict[str, Any]]:
    """See ``Project.audit_log``."""
    if asset is None:
        return [asdict(one) for one in audit.log(project.catalog, limit, None)]
    keys = with_former(project, {recorded_key(project, asset)})
    found = [one for key in keys for one in audit.log(project.catalog, limit, key)]
    found.sort(key=lambda one: one.sequence, reverse=True)
    return [asdict(one) for one in (found[:limit] if limit >= 0 else found)]


def _of_other_environments(project: Project) -> list[Settings]:
    """The settings that headwater.toml has for every environment, and for one that it does not name."""
    if project.loaded_with is None:  # there is no headwater.toml
        return []
    said = config.read(project.root)
    return [said, *(config.overlaid(said, env) for env in said.env)]


def _digest(places: Sequence[tuple[Settings, Tables]], stored: Stored) -> str | None:
    """The digest of stored data, wherever the environments place its storage: a record does not say which made it.

    Returns:
        The recorded one if the data is as it was anywhere, else that of the first that is there; None if none is.
    """
    seen: list[object] = []
    found: str | None = None
    failed: HeadwaterError | None = None
    for settings, tables in places:
        place = settings.storage.get(stored.storage)
        if place in seen:
            continue
        seen.append(place)
        try:
            here = tables.digest(stored)
        except HeadwaterError as error:
            failed = failed or error
            continue
        if here == stored.digest:
            return here
        found = found or here
    if found is None and failed is not None:
        raise failed
    return found


def _noted(text: str) -> Head:
    """The head of a log as it was noted: its number and its hash, as ``audit verify`` prints them."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            "HW679",
            f"{text!r} is no head of a log",
            hint="--head 'NUMBER HASH', as audit verify prints them: a number and 64 hexadecimal digits",
        )
    return Head(int(found["sequence"]), found["hash"].lower())


def is_id(text: str) -> bool:
    """Whether a text has the form of a materialization's id."""
    return len(text) == 36 and text.count("-") == 4
