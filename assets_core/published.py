"""What an environment shows: told from little for every slot, the records fetched only where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from assets_core.keys import Slot
from assets_core.records import Materialization

PackedId = bytes | str
"""The id of a materialization in little: the 16 bytes of a UUID, any other text unchanged."""
_FETCHED_TOGETHER = 2000
_SEVERAL = b"\x01"


Judgement = tuple[int, bytes | None]
"""The number of the standing under which a slot was last found fresh, and what its inputs showed then (``basis``)."""


class Glances(NamedTuple):
    """What is known of the published slots of one asset without their records.

    Of a million slots a dictionary takes half a second to make and as long to look all of them up, so there is one.

    Arguments:
        ids: by partition key, the id of the materialization that each slot shows.
        judged: in the order of ``ids``; None of slots that were never found fresh.
    """

    ids: dict[str | None, PackedId]
    judged: list[Judgement | None]


class Judged(NamedTuple):
    """That a slot was found fresh: remembered, so that the next command need not look again.

    Arguments:
        id: of the materialization that the slot showed.
        standing: all that concerns every slot of its asset alike, as a digest; ``about`` is what of it must be told
            apart later, as JSON text.
        basis: what its inputs showed.
    """

    slot: Slot
    id: str
    standing: str
    about: str
    basis: bytes


def pack_id(identifier: str) -> PackedId:
    """A UUID in its usual form as 16 bytes, any other text unchanged."""
    if len(identifier) == 36:
        try:
            raw = bytes.fromhex(identifier.replace("-", ""))
        except ValueError:
            return identifier
        if len(raw) == 16 and unpack_id(raw) == identifier:
            return raw
    return identifier


def unpack_id(value: PackedId) -> str:
    """The id that ``pack_id`` packed."""
    if isinstance(value, str):
        return value
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def basis(ids: Sequence[PackedId]) -> bytes:
    """What one input shows to a slot, in little: equal only for the same materializations in the same order.

    One id is its own basis; several are digested (BLAKE2b of 128 bits over their bytes).
    """
    if len(ids) == 1 and isinstance(ids[0], bytes):
        return ids[0]
    try:
        joined = b"".join(ids)  # type: ignore[arg-type]  # texts among them are told by the error
    except TypeError:
        joined = b"".join(b"%d:%b" % (len(one), one if isinstance(one, bytes) else one.encode()) for one in ids)
    return _SEVERAL + blake2b(joined, digest_size=16).digest()


def whole_basis(parts: Sequence[bytes]) -> bytes:
    """What all inputs show to a slot, of the basis of each, in the order of their names."""
    if len(parts) == 1:
        return parts[0]
    return blake2b(b"".join([b"%d:%b" % (len(one), one) for one in parts]), digest_size=16).digest() if parts else b""


class Published(MutableMapping[Slot, Materialization]):
    """What each slot of an environment shows; moved on as steps are published.

    Arguments:
        shown: records that are at hand.
        glances: by asset, all that is shown.
        fetch: gives records by their ids, in few reads however many they are; those that are not known are left out.
    """

    def __init__(
        self,
        shown: Mapping[Slot, Materialization] | None = None,
        glances: Mapping[str, Glances] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, Materialization]] = lambda ids: {},
    ) -> None:
        self._ids: dict[str, dict[str | None, PackedId]] = {key: one.ids for key, one in (glances or {}).items()}
        self._aligned: dict[str, list[Judgement | None]] = {key: one.judged for key, one in (glances or {}).items()}
        self._judged: dict[str, dict[str | None, Judgement | None]] = {}
        self._made: dict[Slot, Materialization] = {}
        self._fetched: set[Slot] = set()
        self._fetch = fetch
        self.update(shown or {})

    def ids(self, asset: str) -> Mapping[str | None, PackedId]:
        """By partition key, the id of what each slot of one asset or source shows; none of those that show nothing."""
        return self._ids.get(asset, {})

    def shows_just(self, asset: str, partitions: Sequence[str | None]) -> bool:
        """Whether an asset shows nothing of other partitions than these."""
        ids = self.ids(asset)
        return list(ids) == list(partitions) or sum(map(ids.__contains__, partitions)) == len(ids)

    def judged(self, asset: str, partitions: Sequence[str | None]) -> Sequence[Judgement | None]:
        """How the slots of these partitions were found fresh last; None of those that never were or show nothing."""
        aligned = self._aligned.get(asset)
        if aligned is not None and list(self.ids(asset)) == list(partitions):
            return aligned
        return list(map(self._judged_by_key(asset).get, partitions))

    def note_judged(self, slot: Slot, number: int, basis: bytes | None) -> None:
        """Remembers that what a slot shows is fresh under the standing of that number."""
        self._judged_by_key(slot.asset)[slot.partition] = number, basis

    def _judged_by_key(self, asset: str) -> dict[str | None, Judgement | None]:
        aligned = self._aligned.pop(asset, None)
        if aligned is not None:
            self._judged[asset] = dict(zip(self._ids[asset], aligned, strict=True))
        return self._judged.setdefault(asset, {})

    def id_of(self, slot: Slot) -> PackedId | None:
        """The id of what a slot shows; None if it shows nothing."""
        return self._ids.get(slot.asset, {}).get(slot.partition)

    def fetch(self, slots: Iterable[Slot]) -> None:
        """Fetches the records of many slots at once, those that are not at hand."""
        wanted: dict[str, Slot] = {}
        for slot in slots:
            if slot not in self._made:
                found = self.id_of(slot)
                if found is not None:
                    wanted[unpack_id(found)] = slot
        ids = list(wanted)
        for start in range(0, len(ids), _FETCHED_TOGETHER):
            for identifier, made in self._fetch(ids[start : start + _FETCHED_TOGETHER]).items():
                self._made[wanted[identifier]] = made
                self._fetched.add(wanted[identifier])

    def let_go(self, slots: Iterable[Slot]) -> None:
        """Forgets the records of slots that were fetched, so that not all of very many are kept."""
        for slot in slots:
            if slot in self._fetched:
                self._fetched.discard(slot)
                self._made.pop(slot, None)

    def __getitem__(self, slot: Slot) -> Materialization:
        made = self._made.get(slot)
        if made is None:
            if slot not in self:
                raise KeyError(slot)
            self.fetch([slot])
            made = self._made[slot]
        return made

    def __setitem__(self, slot: Slot, made: Materialization) -> None:
        self._made[slot] = made
        self._fetched.discard(slot)
        self._judged_by_key(slot.asset).pop(slot.partition, None)
        self._ids.setdefault(slot.asset, {})[slot.partition] = pack_id(made.id)

    def __delitem__(self, slot: Slot) -> None:
        self._judged_by_key(slot.asset).pop(slot.partition, None)
        del self._ids[slot.asset][slot.partition]
        self._made.pop(slot, None)

    def get(self, slot: Slot, default: Any = None) -> Any:
        """What a slot shows, else the default; without the detour by an exception that a mapping's own would take."""
        found = self._made.get(slot)
        if found is None and slot in self:
            found = self[slot]
        return default if found is None else found

    def __contains__(self, slot: object) -> bool:
        return isinstance(slot, Slot) and slot.partition in self._ids.get(slot.asset, {})

    def __iter__(self) -> Iterator[Slot]:
        for asset, ids in self._ids.items():
            for partition in ids:
                yield Slot(asset, partition)

    def __len__(self) -> int:
        return sum(map(len, self._ids.values()))
