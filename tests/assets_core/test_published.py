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


@given(shown=st.dictionaries(st.sampled_from(KEYS), judgements), edited=edits, asked=st.permutations(KEYS))
def test_judgements_are_those_of_what_is_shown_now(
    shown: dict[Any, Any], edited: list[tuple[str, Any]], asked: list[Any]
) -> None:
    ids: dict[str | None, Any] = {key: pack_id(f"made-{key}") for key in shown}
    published = Published(glances={"x": Glances(dict(ids), list(shown.values()))})
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
    for partitions in (asked, list(ids), asked[:2]):
        assert list(published.judged("x", partitions)) == [expected.get(one) for one in partitions]
        assert published.shows_just("x", partitions) == (set(ids) <= set(partitions))
    assert published.shows_just("y", [])
    assert list(published.judged("y", ["a"])) == [None]
