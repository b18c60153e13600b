"""Names of things: asset keys and slots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.errors import DefinitionError, UsageError
from assets_core.keys import Slot, check_key, group_of, name_of, parameter_form, parse_slot


@pytest.mark.parametrize("key", ["a", "staging/flights", "a/b/c", "2013/q1", "_x", "a-b", "v1.2", "A/b"])
def test_a_key_of_plain_parts_is_accepted(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "-a", "a b", "a@b", "a,b", "ä", "a\n", "a\\b", "a:b", "a*"]
)
def test_a_key_that_is_unsafe_as_path_or_on_a_command_line_is_refused(key: str) -> None:
    with pytest.raises(DefinitionError, match="HW101"):
        check_key(key, where="assets.py:3")


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(DefinitionError, match="HW101"):
        check_key(7)  # type: ignore[arg-type]


def test_a_bad_key_is_reported_with_its_place() -> None:
    with pytest.raises(DefinitionError) as caught:
        check_key("a b", where="assets.py:3")
    assert caught.value.where == "assets.py:3"


def test_the_name_is_the_last_part_of_the_key() -> None:
    assert name_of("a/b/flights") == "flights"


def test_the_group_is_the_rest_of_the_key() -> None:
    assert (group_of("a/b/flights"), group_of("flights")) == ("a/b", "")


def test_a_key_as_parameter_has_underscores_for_all_that_python_does_not_allow() -> None:
    assert parameter_form("raw/us-flights.v2") == "raw_us_flights_v2"


def test_a_slot_is_written_with_an_at_sign() -> None:
    assert str(Slot("staging/flights", "2013-02-01")) == "staging/flights@2013-02-01"


def test_a_slot_of_an_unpartitioned_asset_is_written_as_its_key() -> None:
    assert str(Slot("staging/flights")) == "staging/flights"


@pytest.mark.parametrize("text", ["", "@", "a@", "@b", "  "])
def test_half_a_slot_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HW601"):
        parse_slot(text)


@given(
    st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,2}", fullmatch=True),
    st.none() | st.from_regex(r"[\w:,.+-]{1,9}", fullmatch=True),
)
def test_a_slot_reads_back_as_it_was_written(asset: str, partition: str | None) -> None:
    slot = Slot(asset, partition)
    assert parse_slot(str(slot)) == slot
