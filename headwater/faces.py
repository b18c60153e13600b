"""The published face, which other tools read: what the definitions of assets have now, and nothing that is orphaned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.errors import HeadwaterError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.records import Stored
from assets_core.renames import called_before, renames_of
from headwater.pointers import current, records_shown, shown_in

if TYPE_CHECKING:
    from headwater.project import Project


def renew_faces(project: Project, env: str, keys: Iterable[str], facts: Facts | None = None) -> None:
    """Brings the face in line with the definitions, which may have changed since; that of a frozen environment stays.

    The catalog alone decides what is published, so failing does no harm. Costs a look at how many slots of a
    partitioned asset the face holds, and a microsecond or two for each that is orphaned; where it holds others than it
    should, all are linked anew.

    Arguments:
        keys: of assets; what else there is among them has no face.
        facts: what they show, where that is at hand.
    """
    if project.catalog.frozen(env):
        return
    assets = [one for key in keys if isinstance(one := project.graph.definitions.get(key), Asset)]
    if facts is None:
        published = shown_in(project, env, {one.key for one in assets})
        facts = Facts(project.graph, datetime.now(UTC), {}, published)
    renames = renames_of(project.graph.definitions)
    for asset in assets:
        orphans = not facts.published.shows_just(asset.key, facts.partitions(asset.key))
        if asset.partitions is not None or orphans:  # else its one link is as it was published
            with suppress(HeadwaterError):
                _renew(project, env, asset, facts, renames)


def face_behind(env: str, storage: str, error: HeadwaterError) -> str:
    """Says that other tools do not see in a storage what an environment shows."""
    why = (error.why or error.what).splitlines()[0]
    return f"the published face of {env} in storage {storage} is behind until the next run: {why}"


def _renew(project: Project, env: str, asset: Asset[..., object], facts: Facts, renames: Mapping[str, str]) -> None:
    published = facts.published
    orphaned = [Slot(asset.key, one) for one in published.ids(asset.key).keys() - set(facts.partitions(asset.key))]
    keys = [one.asset for one in called_before(Slot(asset.key), renames)]
    faced = 0
    for name in {"default": None, **project.settings.storage}:  # what was made earlier may lie in another one
        with suppress(HeadwaterError):
            storage = project.tables.storage(name)
            if orphaned and any(storage.faced(env, key) for key in keys):
                storage.publish(env, {slot: None for one in orphaned for slot in called_before(one, renames)})
            faced += sum(storage.faced(env, key) for key in keys)
    if faced == published.count(asset.key) - len(orphaned):
        return
    # Read now: what another run publishes meanwhile is not to be linked over.
    shown = current(project, records_shown(project, {asset.key}, env=env, lineage=False), env)
    faces: dict[str, dict[Slot, Stored | None]] = {}
    for made in shown.values():
        if made.stored is not None:
            faces.setdefault(made.stored.storage, {})[made.slot] = made.stored
    for name, links in faces.items():
        project.tables.storage(name).publish(env, links)
