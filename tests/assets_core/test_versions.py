"""Versions: what a reader compares, and when two code versions compute the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.versions import CodeVersion, DataVersion, as_read, changed_columns, same_code

KEYED = DataVersion("s1", 10, ("id",), {"id": "i1", "x": "x1", "y": "y1"}, order="o1")
UNKEYED = DataVersion("s1", 10, projections={("x",): "px1", ("x", "y"): "pxy1"}, order="o1")
BYTES = DataVersion("s1", None, content="c1")


def columns(version: DataVersion, **values: str) -> DataVersion:
    return replace(version, columns={**version.columns, **values})


# --- what a reader compares


@pytest.mark.parametrize(
    ("before", "after", "read_set", "same"),
    [
        (KEYED, columns(KEYED, x="x2"), ("x",), False),
        (KEYED, columns(KEYED, x="x2"), ("y",), True),
        (KEYED, columns(KEYED, z="z1"), ("x", "y"), True),
        (KEYED, columns(KEYED, x="x2"), (), True),
        (KEYED, replace(KEYED, rows=11), (), False),
        (KEYED, replace(KEYED, rows=11), ("y",), False),
        (KEYED, replace(KEYED, key=("x",)), ("y",), False),
        (KEYED, replace(KEYED, scheme="s2"), ("x",), False),
        (KEYED, replace(KEYED, scheme="s2"), (), False),
        (KEYED, replace(KEYED, order="o2"), ("x",), True),
        (KEYED, replace(KEYED, order="o2"), ("x", "#"), False),
        (KEYED, replace(KEYED, order="o2"), ("#",), False),
        (UNKEYED, replace(UNKEYED, projections={("x",): "px1", ("x", "y"): "pxy2"}), ("x",), True),
        (UNKEYED, replace(UNKEYED, projections={("x",): "px1", ("x", "y"): "pxy2"}), ("x", "y"), False),
        (UNKEYED, replace(UNKEYED, rows=11), ("x",), False),
        (UNKEYED, replace(UNKEYED, rows=11), (), False),
        (UNKEYED, replace(UNKEYED, order="o2"), ("x", "#"), False),
        (BYTES, replace(BYTES, content="c2"), (), False),
        (BYTES, replace(BYTES, content="c2"), ("x",), False),
        (BYTES, BYTES, ("x",), True),
        (KEYED, UNKEYED, ("x",), False),
        (KEYED, UNKEYED, (), True),
        (KEYED, UNKEYED, ("*",), True),
    ],
)
def test_a_reader_sees_a_change_exactly_if_it_concerns_what_it_reads(
    before: DataVersion, after: DataVersion, read_set: tuple[str, ...], same: bool
) -> None:
    assert (as_read(before, read_set) == as_read(after, read_set)) is same


@given(st.permutations(["x", "y", "*"]))
def test_the_order_in_which_a_read_set_is_named_does_not_count(read_set: list[str]) -> None:
    assert as_read(KEYED, read_set) == as_read(KEYED, ("x", "y"))


@pytest.mark.parametrize(
    ("version", "read_set"),
    [
        (KEYED, ("x", "z")),
        (UNKEYED, ("y",)),
        (replace(KEYED, order=None), ("x", "#")),
        (replace(UNKEYED, order=None), ("#",)),
    ],
)
def test_a_version_that_was_not_computed_is_unknown(version: DataVersion, read_set: tuple[str, ...]) -> None:
    assert as_read(version, read_set) is None


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), min_size=3, max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), min_size=3, max_size=3),
    st.sets(st.sampled_from("abc")),
)
def test_a_reader_is_untouched_exactly_if_all_its_columns_are(
    one: dict[str, str], other: dict[str, str], read_set: set[str]
) -> None:
    before, after = (DataVersion("s1", 10, ("a",), content) for content in (one, other))
    equal = all(one[name] == other[name] for name in read_set)
    assert (as_read(before, sorted(read_set)) == as_read(after, sorted(read_set))) is equal


# --- naming what changed


@pytest.mark.parametrize(
    ("before", "after", "read_set", "changed"),
    [
        (KEYED, columns(KEYED, x="x2"), ("x", "y"), ("x",)),
        (KEYED, columns(KEYED, x="x2"), ("y",), ()),
        (KEYED, replace(KEYED, rows=11), ("x",), ("*",)),
        (KEYED, replace(KEYED, order="o2"), ("x", "#"), ("#",)),
        (KEYED, replace(KEYED, order="o2"), ("x",), ()),
        (KEYED, replace(columns(KEYED, y="y2"), rows=9), ("x", "y"), ("y", "*")),
        (KEYED, replace(KEYED, key=("x",)), ("x", "y"), ("x", "y")),
        (UNKEYED, replace(UNKEYED, projections={("x", "y"): "other"}), ("x", "y"), ("x", "y")),
        (UNKEYED, UNKEYED, ("x", "y"), ()),
        (BYTES, replace(BYTES, content="c2"), ("x",), ("x",)),
        (UNKEYED, UNKEYED, ("y",), ("y",)),
    ],
)
def test_the_columns_that_changed_are_named_or_else_all_that_were_read(
    before: DataVersion, after: DataVersion, read_set: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    assert changed_columns(before, after, read_set) == changed


# --- code, pairwise

PLAN_A = CodeVersion(plan="a", plan_scheme="polars-2.1", source="sa", source_scheme="1")


@pytest.mark.parametrize(
    ("recorded", "current", "same"),
    [
        (PLAN_A, PLAN_A, True),
        (PLAN_A, replace(PLAN_A, source="sb"), True),  # refactored: the plan alone decides
        (PLAN_A, replace(PLAN_A, plan="b"), False),
        (PLAN_A, replace(PLAN_A, plan="b", source="sa"), False),
        (PLAN_A, replace(PLAN_A, plan="b", plan_scheme="polars-2.2"), True),  # an upgrade of polars alone
        (PLAN_A, replace(PLAN_A, plan="a", plan_scheme="polars-2.2", source="sb"), False),
        (PLAN_A, replace(PLAN_A, plan_scheme="polars-2.2", source=None), None),
        (PLAN_A, replace(PLAN_A, plan=None), True),
        (PLAN_A, replace(PLAN_A, plan=None, source="sb"), False),
        (replace(PLAN_A, source=None), replace(PLAN_A, plan=None), False),
        (replace(PLAN_A, source=None), replace(PLAN_A, plan=None, source=None), None),
        (PLAN_A, replace(PLAN_A, plan=None, source_scheme="2"), False),
        (replace(PLAN_A, pinned="1"), replace(PLAN_A, plan="b", source="sb", pinned="1"), True),
        (replace(PLAN_A, pinned="1"), replace(PLAN_A, pinned="2"), False),
        (PLAN_A, replace(PLAN_A, pinned="1"), False),
        (replace(PLAN_A, pinned="1"), PLAN_A, False),
        (CodeVersion(source="s", source_scheme="1"), CodeVersion(source="s", source_scheme="1"), True),
        (CodeVersion(), CodeVersion(), None),
    ],
)
def test_two_code_versions_are_compared_by_the_strongest_evidence_both_have(
    recorded: CodeVersion, current: CodeVersion, same: bool | None
) -> None:
    assert same_code(recorded, current) is same


def test_the_id_of_a_code_version_is_that_of_its_strongest_evidence() -> None:
    ids = [
        replace(PLAN_A, pinned="1").id,
        PLAN_A.id,
        replace(PLAN_A, plan=None).id,
        replace(PLAN_A, plan="b").id,
        replace(PLAN_A, plan_scheme="polars-2.2").id,
    ]
    assert len(set(ids)) == 5
    assert replace(PLAN_A, source="sb").id == PLAN_A.id
