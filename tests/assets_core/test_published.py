"""What an environment shows, told from little, in whatever order it is asked for, and moved on as steps publish."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assets_core.keys import Slot
from assets_core.published import Glances, Published, pack_id
from assets_core.records import Materialization, RecordKind
from assets_core.versions import DataVersion

KEYS = ["a", "b", "c", "d", None]
edits = st.lists(st.tuples(st.sampled_from(["show", "judge", "drop"]), st.sampled_from(KEYS)), max_size=8)
judgements = st.none() | st.tuples(st.integers(1, 3), st.sampled_from([b"", b"x"]))


def glances(ids: dict[str | None, Any], shown: dict[Any, Any]) -> Glances:
    judged = [one or (None, None) for one in shown.values()]
    return Glances(list(ids), list(ids.values()), [number for number, _ in judged], [basis for _, basis in judged])


@given(shown=st.dictionaries(st.sampled_from(KEYS), judgements), edited=edits, asked=st.permutations(KEYS))
def test_judgements_are_those_of_what_is_shown_now(
    shown: dict[Any, Any], edited: list[tuple[str, Any]], asked: list[Any]
) -> None:
    ids: dict[str | None, Any] = {key: pack_id(f"made-{key}") for key in shown}
    published = Published(glances={"x": glances(ids, shown)})
    expected = dict(shown)
    for place, (what, key) in enumerate(edited):
        slot = Slot("x", key)
        if what == "show":
            at = datetime(2026, 1, 1, tzinfo=UTC)
            version = DataVersion("s", 0)
            published[slot] = Materialization(f"new-{place}", slot, RecordKind.MATERIALIZATION, "r", at, (), version)
            ids[key], expected[key] = f"new-{place}", None
        elif key in ids and what == "judge":
            published.note_judged(slot, 9, b"now")
            expected[key] = (9, b"now")
        elif key in ids:
            del published[slot]
            del ids[key], expected[key]

    assert dict(published.ids("x")) == ids
    assert published.count("x") == len(published) == len(ids)
    assert sorted(map(str, published)) == sorted(str(Slot("x", key)) for key in ids)
    assert list(published.all_ids("x")) == list(ids.values())
    assert published.numbers("x") == {one and one[0] for one in expected.values()}
    for partitions in (asked, list(ids), asked[:2]):
        assert list(published.ids_of("x", partitions)) == [ids.get(one) for one in partitions]
        assert list(published.judged("x", partitions)) == [expected.get(one) for one in partitions]
        assert published.shows_just("x", partitions) == (set(ids) <= set(partitions))
    assert published.shows_just("y", [])
    assert list(published.judged("y", ["a"])) == [None]


def test_columns_are_of_their_partitions_in_their_order_only() -> None:
    published = Published(glances={"x": Glances(["a", "b"], [b"1", b"2"], [1, 2], [b"", b""])})
    assert published.in_order("x", ("a", "b")) is not None
    for others in (("b", "a"), ("a", "c"), ("a",), ("a", "b", "c")):
        assert published.in_order("x", others) is None
    assert list(published.ids_of("x", ("b", "a", "c"))) == [b"2", b"1", None]
