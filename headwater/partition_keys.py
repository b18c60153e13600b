"""Partition keys that the catalog keeps: filled into the definitions, added, retired and listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assets_core.errors import UsageError, did_you_mean
from assets_core.graph import Graph
from assets_core.partitions import dynamic_names, filled
from assets_core.partitions.named import check_dynamic_keys
from assets_core.partitions.partition import unknown_key
from headwater.environments import run_of
from headwater.faces import renew_faces
from lineage.catalog.values import NamedKey

if TYPE_CHECKING:
    from headwater.project import Project


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """What adding or retiring keys did.

    Arguments:
        name: of the definition.
        retired: whether they were retired, and not added.
        keys: those for which it was a change.
        unchanged: those that were as asked for already.
    """

    name: str
    retired: bool
    keys: tuple[str, ...]
    unchanged: tuple[str, ...] = ()


def names_in(graph: Graph) -> dict[str, list[str]]:
    """By the name of each dynamic definition, the assets and sources that are partitioned by it."""
    found: dict[str, list[str]] = {}
    for key, definition in graph.definitions.items():
        for name in dynamic_names(definition.partitions):
            found.setdefault(name, []).append(key)
    return found


def with_keys(graph: Graph, keys: Mapping[str, Sequence[str]]) -> Graph:
    """The graph with the keys that the catalog keeps in its dynamic definitions; the rest is shared.

    Arguments:
        keys: by the names of the definitions.
    """
    memo = {id(one.partitions): filled(one.partitions, keys) for one in graph.definitions.values()}

    def renewed(one: Any) -> Any:
        partitions = memo[id(one.partitions)]
        return one if partitions is one.partitions else replace(one, partitions=partitions)

    definitions = {key: renewed(one) for key, one in graph.definitions.items()}
    makers = {maker: tuple(map(renewed, assets)) for maker, assets in graph.makers.items()}
    return replace(graph, definitions=definitions, makers=makers)


def kept_keys(project: Project, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The keys of these names that were not retired, in the order in which they were added; nothing is made for that.

    Arguments:
        names: of dynamic definitions.
    """
    wanted = list(names)
    if not wanted or not project.has_catalog:
        return {}
    records = project.catalog.partition_keys(wanted)
    return {name: tuple(one.key for one in found if not one.retired) for name, found in records.items()}


def listed(project: Project, what: str | None) -> dict[str, list[NamedKey]]:
    """See ``Project.partition_keys``."""
    names = list(names_in(project.graph)) if what is None else [_name_of(project, what)]
    records = project.catalog.partition_keys(names) if project.has_catalog else {}
    return {name: records.get(name, []) for name in names}


def add(project: Project, what: str, keys: Iterable[str], *, command: str = "", reason: str = "") -> KeysChanged:
    """See ``Project.add_partitions``."""
    name = _name_of(project, what)
    return _record(project, name, check_dynamic_keys(keys), "add", command, reason)


def retire(project: Project, what: str, keys: Iterable[str], *, command: str = "", reason: str = "") -> KeysChanged:
    """See ``Project.retire_partitions``."""
    name = _name_of(project, what)
    wanted = tuple(dict.fromkeys(keys))
    known = [one.key for one in listed(project, name)[name]]
    for key in wanted:
        if key not in known:
            raise unknown_key(key, known, what=f"{name} has no partitions yet")
    return _record(project, name, wanted, "retire", command, reason)


def _record(project: Project, name: str, keys: tuple[str, ...], verb: str, command: str, reason: str) -> KeysChanged:
    retired = verb == "retire"
    run = run_of(project.env, command, reason, f"partitions {verb} {name}")
    changed = project.catalog.record_keys(run, name, keys, retired=retired)
    project.refresh()
    for env in project.catalog.environments() if changed else ():
        renew_faces(project, env, names_in(project.graph)[name])
    return KeysChanged(name, retired, changed, tuple(key for key in keys if key not in changed))


def _name_of(project: Project, what: str) -> str:
    """The name of the dynamic definition that is meant, by itself or by an asset that is partitioned by it.

    Raises:
        UsageError: HW631, there is none, or the asset has several.
    """
    names = names_in(project.graph)
    if what in names:
        return what
    try:
        asset = project.graph.find(what)
    except UsageError:
        known = [*names, *(key for keys in names.values() for key in keys)]
        hint = did_you_mean(what, known) or (f"there are {', '.join(names)}" if names else "")
        raise UsageError("HW631", f"{what!r} names no partitions that the catalog keeps", hint=hint) from None
    own = dynamic_names(asset.partitions)
    if len(own) == 1:
        return own[0]
    raise UsageError(
        "HW631",
        f"{asset.key} has {'several sets of' if own else 'no'} partitions that the catalog keeps",
        hint=f"name one: {', '.join(own)}" if own else 'partitions=Dynamic("customers") is what can be added to',
    )
