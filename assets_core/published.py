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


class Glance(NamedTuple):
    """What is known of a published slot without its record.

    Arguments:
        id: of the materialization that the slot shows.
        judged: the number of the standing under which the slot was last found fresh; 0 if it never was.
        basis: what its inputs showed then; see ``basis``.
    """

    id: PackedId
    judged: int = 0
    basis: bytes | None = None


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
        glances: by asset and partition key, all that is shown.
        fetch: gives records by their ids, in few reads however many they are; those that are not known are left out.
    """

    def __init__(
        self,
        shown: Mapping[Slot, Materialization] | None = None,
        glances: Mapping[str, dict[str | None, Glance]] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, Materialization]] = lambda ids: {},
    ) -> None:
        self._glances: dict[str, dict[str | None, Glance]] = dict(glances or {})
        self._made: dict[Slot, Materialization] = {}
        self._fetched: set[Slot] = set()
        self._fetch = fetch
        self.update(shown or {})

    def glances(self, asset: str) -> Mapping[str | None, Glance]:
        """What the slots of one asset or source show, by partition key."""
        return self._glances.get(asset, {})

    def id_of(self, slot: Slot) -> PackedId | None:
        """The id of what a slot shows; None if it shows nothing."""
        glance = self._glances.get(slot.asset, {}).get(slot.partition)
        return None if glance is None else glance.id

    def fetch(self, slots: Iterable[Slot]) -> None:
        """Fetches the records of many slots at once, those that are not at hand."""
        wanted: dict[str, Slot] = {}
        for slot in slots:
            if slot not in self._made:
                glance = self._glances.get(slot.asset, {}).get(slot.partition)
                if glance is not None:
                    wanted[unpack_id(glance.id)] = slot
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
            if slot.partition not in self._glances.get(slot.asset, {}):
                raise KeyError(slot)
            self.fetch([slot])
            made = self._made[slot]
        return made

    def __setitem__(self, slot: Slot, made: Materialization) -> None:
        self._made[slot] = made
        self._fetched.discard(slot)
        self._glances.setdefault(slot.asset, {})[slot.partition] = Glance(pack_id(made.id))

    def __delitem__(self, slot: Slot) -> None:
        del self._glances[slot.asset][slot.partition]
        self._made.pop(slot, None)

    def get(self, slot: Slot, default: Any = None) -> Any:
        """What a slot shows, else the default; without the detour by an exception that a mapping's own would take."""
        found = self._made.get(slot)
        if found is None and slot in self:
            found = self[slot]
        return default if found is None else found

    def __contains__(self, slot: object) -> bool:
        return isinstance(slot, Slot) and slot.partition in self._glances.get(slot.asset, {})

    def __iter__(self) -> Iterator[Slot]:
        for asset, glances in self._glances.items():
            for partition in glances:
                yield Slot(asset, partition)

    def __len__(self) -> int:
        return sum(map(len, self._glances.values()))
