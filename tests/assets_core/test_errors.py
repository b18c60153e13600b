"""The one family of errors."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core import errors
from assets_core.errors import (
    DataError,
    DefinitionError,
    HeadwaterError,
    ProjectError,
    RefusedError,
    RunError,
    StorageError,
    UsageError,
    did_you_mean,
    nearest,
    raise_all,
)

FAMILY = [
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, HeadwaterError) and one is not ProjectError
]
TEXTS = st.text(max_size=10)


@given(st.sampled_from(FAMILY), TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_an_error_comes_back_whole_from_another_process(
    family: type[HeadwaterError], code: str, what: str, where: str, why: str, hint: str
) -> None:
    error = family(code, what, where=where, why=why, hint=hint)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.as_dict()) == (family, str(error), error.as_dict())


def test_all_errors_of_a_project_come_back_whole_from_another_process() -> None:
    error = ProjectError([UsageError("HW602", "one"), DefinitionError("HW101", "two", where="a.py:1")])
    back = pickle.loads(pickle.dumps(error))
    assert [(type(one), str(one)) for one in back.errors] == [(type(one), str(one)) for one in error.errors]


def test_the_text_says_what_where_why_and_what_to_do() -> None:
    error = DefinitionError("HW101", "'a b' is no asset key", where="a.py:3", why="one\ntwo", hint="write a_b")
    assert str(error) == "HW101 'a b' is no asset key\n  at a.py:3\n  one\n  two\n  hint: write a_b"


def test_parts_that_are_empty_leave_no_line() -> None:
    assert str(UsageError("HW602", "no asset 'x'")) == "HW602 no asset 'x'"


def test_a_json_document_carries_code_message_where_and_hint() -> None:
    error = DefinitionError("HW101", "what", where="a.py:3", why="why", hint="hint")
    assert error.as_dict() == {"code": "HW101", "message": "what\nwhy", "where": "a.py:3", "hint": "hint"}


@pytest.mark.parametrize(
    ("family", "status"),
    [(DefinitionError, 2), (UsageError, 2), (RefusedError, 3), (DataError, 1), (StorageError, 1), (RunError, 1)],
)
def test_the_family_decides_the_exit_status(family: type[HeadwaterError], status: int) -> None:
    assert family.exit_status == status


def test_raising_no_errors_does_nothing() -> None:
    raise_all([])


def test_a_single_error_is_raised_as_it_is() -> None:
    only = UsageError("HW602", "one")
    with pytest.raises(UsageError) as caught:
        raise_all([only])
    assert caught.value is only


def test_several_errors_are_raised_as_one_that_shows_them_all() -> None:
    with pytest.raises(ProjectError) as caught:
        raise_all([UsageError("HW602", "one"), UsageError("HW603", "two")])
    assert str(caught.value) == "HW602 one\n\nHW603 two"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("staging/flihgts", "staging/flights"),
        ("STAGING/FLIGHTS", "staging/flights"),
        ("flights", "staging/flights"),
        ("raw/weather", "raw/weather"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_allows_for_slips_case_and_a_missing_group(name: str, found: str) -> None:
    assert nearest(name, ["staging/flights", "raw/weather"]) == found


def test_a_hint_names_the_nearest_name_or_is_empty() -> None:
    assert (did_you_mean("ofset", ["offset"]), did_you_mean("zzz", ["offset"])) == ("did you mean 'offset'?", "")
