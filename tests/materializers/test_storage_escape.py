"""File names for keys: every text has one, and no two texts share one on any file system."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from materializers.storage.escape import escape, escape_path

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("aAbBéÉ./\\_%+~-0nuNUcoCO \0"), st.characters()), max_size=400)


@given(TEXTS, TEXTS)
def test_two_texts_never_share_a_name_even_where_case_is_ignored(one: str, other: str) -> None:
    if one != other:
        assert escape(one).lower() != escape(other).lower()


@given(st.text(alphabet="aB", max_size=6), st.text(alphabet="Ab", max_size=6))
def test_capitals_keep_texts_apart(one: str, other: str) -> None:
    assert (one == other) == (escape(one).lower() == escape(other).lower())


@given(TEXTS)
def test_a_name_is_one_plain_part_of_a_path(text: str) -> None:
    name = escape(text)
    assert name.isascii()
    assert 0 < len(name) <= 180
    assert not set(name) & set('/\\:*?"<>|\0 \n')
    assert not name.startswith((".", "_"))
    assert not name.endswith(".")
    assert unicodedata.normalize("NFD", name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2013-02-01", "2013-02-01"),
        ("staging/flights", "staging~flights"),
        ("EU", "EU+3"),
        ("eU", "eU+2"),
        ("2013-02-01T05:00", "2013-02-01T05%3a00+1"),
        ("_env", "%5fenv"),
        ("..", "%2e%2e"),
        ("nul.txt", "%6eul.txt"),
        ("", "%"),
    ],
)
def test_names_can_be_read_by_people(text: str, name: str) -> None:
    assert escape(text) == name


def test_a_long_text_keeps_its_beginning_and_a_digest() -> None:
    names = {escape("partition-" + "x" * 300 + end) for end in "abc"}
    assert len(names) == 3
    assert all(name.startswith("partition-x") for name in names)


def test_a_folder_of_the_face_is_never_taken_for_a_data_file() -> None:
    assert escape_path("a/data.parquet") == "a/data.parquet%"
    assert escape_path("staging/flights") == "staging/flights"
