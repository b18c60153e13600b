"""Digests: no two different values give the same bytes to hash."""

import math
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.digest import digest, encode
from assets_core.keys import Slot
from assets_core.partitions import Unit

ATOMS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.binary(max_size=6),
    st.dates(),
    st.datetimes(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.frozensets(ATOMS, max_size=3),
        st.dictionaries(ATOMS, inner, max_size=3),
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Equality that tells apart what the encoding has to tell apart: types, the sign of zero; NaN equals NaN."""
    return _shape(one) == _shape(other)


def _shape(value: Any) -> Hashable:
    if isinstance(value, tuple):
        return ("list", *map(_shape, value))
    if isinstance(value, frozenset):
        return ("set", frozenset(map(_shape, value)))
    if isinstance(value, dict):
        return ("map", frozenset((_shape(key), _shape(item)) for key, item in value.items()))
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_two_values_encode_alike_exactly_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (encode(one) == encode(other)) == same(one, other)


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_arguments_cannot_run_into_each_other(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1,), (True,)),
        ((0,), (False,)),
        ((1,), (1.0,)),
        ((1,), ("1",)),
        (("a",), (b"a",)),
        ((0.0,), (-0.0,)),
        ((None,), ("",)),
        (("ab",), ("a", "b")),
        (("as:b",), ("a", "b")),
        (("as1:b",), ("a", "b")),
        ((("a", "b"),), ("a", "b")),
        ((("a",), "b"), (("a", "b"),)),
        ((("a",), "b"), ("a", ("b",))),
        (((),), (frozenset(),)),
        ((frozenset(),), ({},)),
        (({"a": "b"},), ((("a", "b"),),)),
        ((date(2013, 1, 1),), (datetime(2013, 1, 1),)),
        ((date(2013, 1, 1),), ("2013-01-01",)),
        ((datetime(2013, 1, 1),), (datetime(2013, 1, 1, tzinfo=UTC),)),
        ((datetime(2013, 1, 1, tzinfo=UTC),), (datetime(2013, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),)),
        (("n0:",), (None,)),
    ],
)
def test_look_alikes_have_different_digests(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert digest(*one) != digest(*other)


def test_a_list_digests_as_the_tuple_of_its_items() -> None:
    assert digest([1, 2]) == digest((1, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [(Unit.DAY, "day"), (Slot("a", "b"), ("a", "b")), (HTTPStatus.OK, 200)],
    ids=["text", "tuple", "int"],
)
def test_a_value_of_a_subclass_digests_as_its_plain_value(one: object, other: object) -> None:
    assert digest(one) == digest(other)


def test_sets_and_mappings_digest_without_regard_to_order() -> None:
    assert digest({"a": 1, "b": 2}, {1, 2}) == digest({"b": 2, "a": 1}, {2, 1})


def test_a_digest_is_64_hexadecimal_digits_and_stays_the_same_for_ever() -> None:
    assert digest("headwater", 1) == "5205f624605d88f56ddb5854e0860c623194788214b919a1f7e1dc8b208a25ef"


def test_a_lone_surrogate_can_be_digested() -> None:
    assert digest("\ud800") != digest("?")


def test_a_value_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="cannot digest a complex"):
        digest([1j])
