"""What an environment shows: told from little for every slot, the records fetched only where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import Materialization

PackedId = bytes | str
"""The id of a materialization in little: the 16 bytes of a UUID, any other text unchanged."""
_FETCHED_TOGETHER = 2000
_SEVERAL = b"\x01"


Judgement = tuple[int, bytes | None]
"""The number of the standing under which a slot was last found fresh, and what its inputs showed then (``basis``)."""


class Glances(NamedTuple):
    """What is known of the published slots of one asset without their records: four columns of the same length.

    A million slots are read in such columns and compared as wholes; a dictionary takes half a second to make and as
    long to look all of them up.

    Arguments:
        partitions: the partition keys, each once.
        ids: of the materialization that each slot shows.
        numbers: of the standing under which each slot was last found fresh; None of those that never were.
        bases: what the inputs of each slot showed then.
    """

    partitions: list[str | None]
    ids: list[PackedId]
    numbers: list[int | None]
    bases: list[bytes | None]

    @classmethod
    def of_none(cls) -> Glances:
        """Of an asset that shows nothing."""
        return cls([], [], [], [])

    def by_key(self) -> dict[str | None, PackedId]:
        """By partition key, the id of what each slot shows."""
        return dict(zip(self.partitions, self.ids, strict=True))

    def fresh_under(self, number: int, bases: Sequence[bytes | None]) -> bool:
        """Whether all slots were found fresh under this standing, when their inputs showed just this."""
        return self.numbers == [number] * len(bases) and self.bases == list(bases)

    def judgements(self) -> list[Judgement | None]:
        """How each slot was found fresh last."""
        return [(number, basis) if number else None for number, basis in zip(self.numbers, self.bases, strict=True)]


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
        self._glances = dict(glances or {})
        self._compared: dict[str, Sequence[str | None]] = {}
        self._ids: dict[str, dict[str | None, PackedId]] = {}
        self._judged: dict[str, dict[str | None, Judgement | None]] = {}
        self._made: dict[Slot, Materialization] = {}
        self._fetched: set[Slot] = set()
        self._fetch = fetch
        self.update(shown or {})

    def count(self, asset: str) -> int:
        """How many slots of one asset or source show anything."""
        seen = self._glances.get(asset)
        return len(self._ids.get(asset, ())) if seen is None else len(seen.ids)

    def ids(self, asset: str) -> Mapping[str | None, PackedId]:
        """By partition key, the id of what each slot of one asset or source shows; none of those that show nothing."""
        if asset not in self._ids and asset in self._glances:
            self._ids[asset] = self._glances[asset].by_key()
        return self._ids.get(asset, {})

    def ids_of(self, asset: str, partitions: Sequence[str | None]) -> Sequence[PackedId | None]:
        """The ids of what the slots of these partitions show; None of those that show nothing."""
        seen = self.in_order(asset, partitions)
        return list(map(self.ids(asset).get, partitions)) if seen is None else seen.ids

    def all_ids(self, asset: str) -> Collection[PackedId]:
        """The ids of all that one asset or source shows."""
        seen = self._glances.get(asset)
        return self.ids(asset).values() if seen is None else seen.ids

    def numbers(self, asset: str) -> set[int | None]:
        """Of the standings under which the slots of one asset were last found fresh, None if some never were."""
        seen = self._glances.get(asset)
        if seen is not None:
            return set(seen.numbers)
        return {one[0] if one else None for one in self.judged(asset, list(self.ids(asset)))}

    def in_order(self, asset: str, partitions: Sequence[str | None]) -> Glances | None:
        """The columns of an asset that shows something of just these partitions, in their order; else None."""
        seen = self._glances.get(asset)
        if seen is None or len(seen.partitions) != len(partitions):
            return None
        if self._compared.get(asset) is not partitions:
            if seen.partitions != list(partitions):
                return None
            self._compared[asset] = partitions
        return seen

    def shows_just(self, asset: str, partitions: Sequence[str | None]) -> bool:
        """Whether an asset shows nothing of other partitions than these."""
        if self.in_order(asset, partitions) is not None:
            return True
        ids = self.ids(asset)
        return sum(map(ids.__contains__, partitions)) == len(ids)

    def judged(self, asset: str, partitions: Sequence[str | None]) -> Sequence[Judgement | None]:
        """How the slots of these partitions were found fresh last; None of those that never were or show nothing."""
        seen = self.in_order(asset, partitions)
        return list(map(self._judged_by_key(asset).get, partitions)) if seen is None else seen.judgements()

    def note_judged(self, slot: Slot, number: int, basis: bytes | None) -> None:
        """Remembers that what a slot shows is fresh under the standing of that number."""
        self._leave_columns(slot.asset)
        self._judged_by_key(slot.asset)[slot.partition] = number, basis

    def _leave_columns(self, asset: str) -> None:
        """Keeps what is known of an asset by key from now on, because something of it is about to change."""
        if asset in self._glances:
            self.ids(asset)
            self._judged_by_key(asset)
            del self._glances[asset]

    def _judged_by_key(self, asset: str) -> dict[str | None, Judgement | None]:
        if asset not in self._judged:
            seen = self._glances.get(asset)
            known = {} if seen is None else dict(zip(seen.partitions, seen.judgements(), strict=True))
            self._judged[asset] = known
        return self._judged[asset]

    def id_of(self, slot: Slot) -> PackedId | None:
        """The id of what a slot shows; None if it shows nothing."""
        return self.ids(slot.asset).get(slot.partition)

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
            made = self._made.get(slot)
        if made is None:
            raise StorageError("HW412", f"the record of what {slot} shows is gone", hint="headwater audit verify")
        return made

    def __setitem__(self, slot: Slot, made: Materialization) -> None:
        self._made[slot] = made
        self._fetched.discard(slot)
        self._leave_columns(slot.asset)
        self._judged_by_key(slot.asset).pop(slot.partition, None)
        self._ids.setdefault(slot.asset, {})[slot.partition] = pack_id(made.id)

    def __delitem__(self, slot: Slot) -> None:
        self._leave_columns(slot.asset)
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
        return isinstance(slot, Slot) and slot.partition in self.ids(slot.asset)

    def __iter__(self) -> Iterator[Slot]:
        for asset in self._assets():
            for partition in self.ids(asset):
                yield Slot(asset, partition)

    def __len__(self) -> int:
        return sum(map(self.count, self._assets()))

    def _assets(self) -> list[str]:
        return list(dict.fromkeys([*self._glances, *self._ids]))
