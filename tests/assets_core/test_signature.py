"""Reading a function's parameters: annotations may be text that names what only a type checker sees."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import polars as pl
import pytest

from assets_core import settings
from assets_core.asset import Form, Parameter
from assets_core.context import Context
from assets_core.errors import DefinitionError
from assets_core.settings import Config, Resource
from assets_core.signature import form_of_result, parameters_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pandas import DataFrame
    from unheard_of import Thing


class Limits(Config):
    low: int = 0


class Api(Resource):
    url: str = ""


def only(function: Callable[..., Any]) -> Parameter:
    [parameter] = parameters_of(function, "assets.py:1")
    return parameter


def lazy(a: pl.LazyFrame) -> None: ...
def frame(a: pl.DataFrame) -> None: ...
def arrow(a: pa.Table) -> None: ...
def pandas(a: pd.DataFrame) -> None: ...
def pandas_quoted(a: "pd.DataFrame") -> None: ...  # noqa: UP037 -- text within text
def bare_frame(a: DataFrame) -> None: ...
def path(a: Path) -> None: ...
def unknown(a: Thing) -> None: ...
def optional(a: pl.DataFrame | None) -> None: ...
def optional_in_words(a: Optional[pl.DataFrame]) -> None: ...  # noqa: UP045 -- people write it
def annotated(a: Annotated[pl.DataFrame, "clean"]) -> None: ...
def of_rows(a: pa.Table[Thing]) -> None: ...
def anything(a: Any) -> None: ...
def unannotated(a):  # type: ignore[no-untyped-def]
    ...


@pytest.mark.parametrize(
    ("function", "form"),
    [
        (lazy, Form.LAZY),
        (frame, Form.FRAME),
        (arrow, Form.ARROW),
        (pandas, Form.PANDAS),
        (pandas_quoted, Form.PANDAS),
        (bare_frame, Form.FRAME),
        (path, Form.PATH),
        (unknown, Form.UNKNOWN),
        (optional, Form.FRAME),
        (optional_in_words, Form.FRAME),
        (annotated, Form.FRAME),
        (of_rows, Form.ARROW),
        (anything, Form.UNKNOWN),
        (unannotated, Form.UNKNOWN),
    ],
)
def test_the_last_name_of_an_annotation_tells_the_form(function: Callable[..., Any], form: Form) -> None:
    assert only(function).form is form


class Own(pl.DataFrame): ...


@pytest.mark.parametrize("annotation", [pl.DataFrame, pl.DataFrame | None, Annotated[pl.DataFrame, 1], Own])
def test_an_annotation_that_is_an_object_tells_the_form_too(annotation: Any) -> None:
    def eager(a): ...  # type: ignore[no-untyped-def]

    eager.__annotations__["a"] = annotation
    assert only(eager).form is Form.FRAME


def number(a: int) -> None: ...
def series(a: pl.Series | None) -> None: ...
def settings_of_somebody_else(a: Plain) -> None: ...


class Plain: ...


@pytest.mark.parametrize("function", [number, series, settings_of_somebody_else])
def test_an_annotation_that_no_input_is_given_as_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(DefinitionError, match=r"HW138 the parameter a is annotated as") as caught:
        only(function)
    assert caught.value.where == "assets.py:1"


def test_a_settings_class_is_known_by_its_text() -> None:
    def reads(limits: Limits) -> None: ...

    assert only(reads).config is Limits


def test_a_settings_class_of_another_module_is_known_by_its_dotted_text() -> None:
    def reads(limits: settings.Config) -> None: ...

    assert only(reads).config is Config


def test_a_resource_class_is_known_by_its_text() -> None:
    def reads(api: Api) -> None: ...

    assert only(reads).resource is Api


def test_a_local_settings_class_is_found_while_its_function_is_being_defined() -> None:
    class Local(Config):
        low: int = 0

    def reads(limits: Local) -> None: ...

    assert only(reads).config is Local


def test_a_settings_class_in_a_closure_is_found_later_on() -> None:
    def make() -> Callable[..., Any]:
        class Local(Config):
            low: int = 0

        def reads(limits: Local) -> Any:
            return Local

        return reads

    assert (only(make()).config or Config).__name__ == "Local"


def test_a_closure_cell_that_is_still_empty_is_no_error() -> None:
    def reads(limits: Later) -> Any:
        return Later

    assert only(reads).config is None
    Later = Limits  # noqa: N806 -- a class by another name


def test_a_global_of_the_same_name_as_a_local_class_does_not_win() -> None:
    outer = Limits

    def make() -> Parameter:
        class Limits(Config):
            high: int = 1

        def reads(limits: Limits) -> None: ...

        return only(reads)

    assert make().config is not outer


def test_the_context_is_known_by_its_name() -> None:
    def reads(context: Context) -> None: ...

    assert only(reads).context


def test_the_context_is_known_even_if_only_a_type_checker_sees_it() -> None:
    def reads(context: settings_of_a_package_that_is_not_there.Context) -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert only(reads).context


def test_what_is_called_context_but_annotated_otherwise_is_an_input() -> None:
    def reads(context: pl.LazyFrame) -> None: ...

    assert not only(reads).context


def test_parameters_with_a_default_are_marked() -> None:
    def reads(a: pl.LazyFrame, b: int = 1, *, c: pl.LazyFrame, d: int = 2) -> None: ...

    assert [(one.name, one.default) for one in parameters_of(reads, "")] == [
        ("a", False), ("b", True), ("c", False), ("d", True),
    ]  # fmt: skip


def test_a_wrapped_function_shows_the_parameters_of_the_one_inside() -> None:
    @functools.wraps(lazy)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return lazy(*args, **kwargs)

    assert only(wrapper).form is Form.LAZY


def stars(*a: pl.LazyFrame) -> None: ...
def double_stars(**a: pl.LazyFrame) -> None: ...
def positional(a: pl.LazyFrame, /) -> None: ...


@pytest.mark.parametrize("function", [stars, double_stars, positional])
def test_parameters_that_have_no_name_of_their_own_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(DefinitionError, match="HW102"):
        parameters_of(function, "assets.py:1")


def test_annotations_are_never_evaluated() -> None:
    def reads(a: print("evaluated")) -> None: ...  # type: ignore[valid-type]

    assert only(reads).form is Form.UNKNOWN


@pytest.mark.parametrize(
    ("annotation", "form"),
    [("pl.LazyFrame", Form.LAZY), ("pd.DataFrame", Form.PANDAS), (None, Form.UNKNOWN), (Path, Form.PATH)],
)
def test_the_form_of_the_result_is_read_alike(annotation: Any, form: Form) -> None:
    def gives(): ...  # type: ignore[no-untyped-def]

    gives.__annotations__["return"] = annotation
    assert form_of_result(gives) is form
