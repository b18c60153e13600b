"""All kinds of partition definitions, as one type, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from assets_core.errors import DefinitionError
from assets_core.partitions.cron import Cron
from assets_core.partitions.multi import Multi
from assets_core.partitions.named import Dynamic, Static
from assets_core.partitions.time_windows import TimePartitions

Partitions = Static | Dynamic | TimePartitions | Cron | Multi
"""Any partition definition.

Each answers ``keys(now)``, ``count(now)``, ``find(key)``, ``index(key)``, ``key_at(place)`` and ``partition(key)``, and
has a ``bound``: how many keys there will ever be, None if it grows. Places count from 0 in the order of ``keys``;
a place stays with its key as long as the definition is the same object.
"""
Timed = TimePartitions | Cron
"""Slices of time; each also answers ``begin``, ``span``, ``place_at``, ``instant`` and ``place_of``."""


def dimensions_of(definition: Partitions) -> Mapping[str, Static | Dynamic | TimePartitions | Cron]:
    """The dimensions by name; of a definition that has one only, itself under an empty name."""
    return definition.dimensions if isinstance(definition, Multi) else {"": definition}


def dynamic_names(definition: Partitions | None) -> list[str]:
    """The names under which the keys of a definition are kept in the catalog; none if it has all its keys itself."""
    found = () if definition is None else dimensions_of(definition).values()
    return list(dict.fromkeys(one.name for one in found if isinstance(one, Dynamic)))


def has_slot(definition: Partitions | None, key: str | None) -> bool:
    """Whether a definition has a slot of this partition key, be it that its window has not ended yet.

    Arguments:
        definition: None for unpartitioned.
        key: None for the slot of an unpartitioned asset.
    """
    if definition is None or key is None:
        return definition is None and key is None
    if not isinstance(definition, Multi):
        return definition.find(key) is not None
    parts = key.split(",")
    return len(parts) == len(definition.dimensions) and all(
        one.find(part) is not None for one, part in zip(definition.dimensions.values(), parts, strict=True)
    )


def filled(definition: Partitions | None, keys: Mapping[str, Sequence[str]]) -> Partitions | None:
    """The definition with the keys that are kept in the catalog; itself if that changes nothing.

    Arguments:
        keys: by the names of dynamic definitions.
    """
    return definition.filled(keys) if isinstance(definition, Dynamic | Multi) else definition


def columns_of(partition_by: str | Mapping[str, str] | None) -> tuple[str, ...]:
    """The columns that tell to which partition a row belongs."""
    return (partition_by,) if isinstance(partition_by, str) else tuple((partition_by or {}).values())


def checked_columns(
    definition: Partitions | None, partition_by: str | Mapping[str, str] | None, *, where: str
) -> str | Mapping[str, str] | None:
    """``partition_by`` in the order of the dimensions, if it fits the definition.

    Raises:
        DefinitionError: HW109, it names no column for a dimension, a dimension that is none, or one column for several.
    """
    if not isinstance(definition, Multi) and (partition_by is None or isinstance(partition_by, str)):
        return partition_by
    names = list(definition.dimensions) if isinstance(definition, Multi) else []
    if partition_by is None or (isinstance(partition_by, Mapping) and sorted(partition_by) == sorted(names)):
        return None if partition_by is None else {name: partition_by[name] for name in names}
    shown = ", ".join(f'"{name}": "..."' for name in names)
    raise DefinitionError(
        "HW109",
        f"partition_by={partition_by!r} does not fit partitions of {len(names) or 'one'} dimensions",
        where=where,
        hint=f"partition_by={{{shown}}} names a column for each" if names else 'partition_by="flight_date"',
    )


def word_of(definition: Partitions | None) -> str:
    """How an asset is sliced in a word: ``hour`` to ``year``, ``cron``, ``static``, ``dynamic``, ``day x static``."""
    if definition is None:
        return ""
    return " x ".join(_word(one) for one in dimensions_of(definition).values())


def _word(one: Static | Dynamic | TimePartitions | Cron) -> str:
    return str(one.unit) if isinstance(one, TimePartitions) else type(one).__name__.lower()


def describe(definition: Partitions | None) -> str:
    """The definition in a few words, for messages and cards."""
    if definition is None:
        return "unpartitioned"
    return ", ".join(_described(dimensions_of(definition).items()))


def _described(dimensions: Iterable[tuple[str, Static | Dynamic | TimePartitions | Cron]]) -> Iterable[str]:
    for name, one in dimensions:
        label = f"{name}: " if name else ""
        if isinstance(one, Static):
            yield f"{label}static ({len(one.names)} keys)"
        elif isinstance(one, Dynamic):
            yield f"{label}dynamic {one.name} ({len(one.known)} keys)"
        else:
            what = f"by the {one.unit}" if isinstance(one, TimePartitions) else f"by cron {one.schedule!r}"
            end = "" if one.end is None else f" to {one.end:%Y-%m-%d}"
            yield f"{label}{what} from {one.start:%Y-%m-%d}{end} ({one.timezone})"
