"""Sets of partition keys as people write them and read them: one key, ``A..B``, several dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import product

from assets_core.errors import UsageError, did_you_mean
from assets_core.partitions.kinds import Partitions
from assets_core.partitions.multi import Dimension, Multi


def key_of(definition: Partitions, text: str) -> str:
    """The key that a person wrote: of several dimensions also ``date=2013-02-01,region=EU``, in any order.

    Raises:
        UsageError: HW610, it is no key of the definition.
    """
    key = plain_key(definition, text)
    definition.index(key)
    return key


def plain_key(definition: Partitions | None, text: str) -> str:
    """The same key without the names of dimensions, in their order; whether there is such a key is not looked at."""
    if isinstance(definition, Multi) and "=" in text:
        named = _by_dimension(definition, text)
        return ",".join(named.get(name, "") for name in definition.dimensions)
    return text


def select_range(definition: Partitions, text: str, now: datetime) -> list[str]:
    """The keys that a person named: one key, or ``A..B`` with both ends included and either end open.

    Of several dimensions a key or a range in each, ``2013-02-01..2013-02-28,EU`` or by name, in any order,
    ``region=EU,date=2013-02-01..``; a dimension that is not named is taken whole.

    Raises:
        UsageError: HW610, an end is no key of the definition; HW611, the range is reversed or empty.
    """
    if not isinstance(definition, Multi):
        return _keys_in(definition, text, now)
    texts = _by_dimension(definition, text)
    chosen = {name: _keys_in(one, texts.get(name, ".."), now) for name, one in definition.dimensions.items()}
    names = list(definition.dimensions)
    by_place = product(*(chosen[names[number]] for number in definition.order))
    declared = [definition.order.index(number) for number in range(len(names))]
    return [",".join(keys[number] for number in declared) for keys in by_place]


def _keys_in(definition: Partitions, text: str, now: datetime) -> list[str]:
    first, dots, last = text.partition("..")
    keys = definition.keys(now)
    if not dots:
        if not text:
            definition.index(text)
        return [keys[_range_end(definition, text, keys, 0)]]
    low = _range_end(definition, first, keys, 0)
    high = _range_end(definition, last, keys, len(keys) - 1)
    if low > high:
        if not keys:
            raise UsageError("HW611", f"the range {text!r} is empty: there is no partition yet")
        raise UsageError("HW611", f"the range {text!r} is empty", hint="write it from the earlier key to the later one")
    return list(keys[low : high + 1])


def _range_end(definition: Partitions, key: str, keys: Sequence[str], otherwise: int) -> int:
    if not key:
        return otherwise
    place = definition.index(key)
    if place >= len(keys):
        raise UsageError(
            "HW610", f"partition {key!r} has not ended yet", hint=f"the last one is {keys[-1]!r}" if keys else ""
        )
    return place


def _by_dimension(definition: Multi, text: str) -> dict[str, str]:
    """The text of each dimension that is named; a text without names names all, in order."""
    names = list(definition.dimensions)
    parts = text.split(",")
    if not any(part.partition("=")[0] in names for part in parts if "=" in part):
        if text == "..":
            return {}
        if len(parts) == len(names) and all(parts):
            return dict(zip(names, parts, strict=True))
        raise _not_each(names, text)
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or not value or name in found or name not in names:
            hint = did_you_mean(name, names) if equals else ""
            raise _not_each(names, text, hint if name not in names else "")
        found[name] = value
    return found


def _not_each(names: Sequence[str], text: str, hint: str = "") -> UsageError:
    shown = ",".join(f"{name}=..." for name in names)
    return UsageError("HW610", f"no partition {text!r}", hint=hint or f"a key or a range in each dimension: {shown}")


def ranges(keys: Iterable[str], definition: Partitions) -> list[str]:
    """Compact text for a set of keys: neighbours joined to ``A..B``, in the order of the definition.

    Of several dimensions the sets are written by name, ``date=A..B,region=EU..US``.
    """
    places = sorted({definition.index(key) for key in keys})
    if isinstance(definition, Multi):
        return _boxes(places, definition)
    return [_text(definition, first, last) for first, last in _runs(places)]


def _text(definition: Partitions, first: int, last: int) -> str:
    begin, end = definition.key_at(first), definition.key_at(last)
    return f"{begin}" if first == last else f"{begin}..{end}"


def _runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbours among sorted places."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def _boxes(places: Sequence[int], definition: Multi) -> list[str]:
    """The texts of a set of places: joined along the dimension that moves fastest first, along the slowest last."""
    names = list(definition.dimensions)
    joined: list[tuple[tuple[int, int], ...]] = []
    for place in places:
        parts = definition.split(place) or ()
        joined.append(tuple((parts[number], parts[number]) for number in definition.order))
    for axis in reversed(range(len(names))):
        joined = _joined_along(joined, axis)
    return [_box_text(definition, names, box) for box in sorted(joined)]


def _joined_along(boxes: Iterable[tuple[tuple[int, int], ...]], axis: int) -> list[tuple[tuple[int, int], ...]]:
    groups: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for box in boxes:
        groups.setdefault((*box[:axis], *box[axis + 1 :]), []).append(box[axis][0])
    return [(*rest[:axis], run, *rest[axis:]) for rest, along in groups.items() for run in _runs(sorted(along))]


def _box_text(definition: Multi, names: Sequence[str], box: Sequence[tuple[int, int]]) -> str:
    kinds: Mapping[str, Dimension] = definition.dimensions
    by_name = {names[number]: box[place] for place, number in enumerate(definition.order)}
    return ",".join(f"{name}={_text(kinds[name], *by_name[name])}" for name in names)
