"""A release of polars whose plans are not understood: everything counts as read, and it is said once a run."""

from __future__ import annotations

import pytest

from lineage.columns import plan, polars_oracle
from tests.desk import Desk


def test_another_version_of_plans_degrades_to_opaque_with_one_warning_a_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polars_oracle, "IR_MAJORS", (max(polars_oracle.IR_MAJORS) + 1,))
    plan.forget()
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2], "v": [1, 2], "w": [1, 2]})

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.select("id", "v")

        @asset(key="c")
        def c(b: pl.LazyFrame) -> pl.LazyFrame:
            return b.select("id")
        """
    )
    desk.materialize()
    desk.edit("definitions.py", '"w": [1, 2]', '"w": [1, 3]')
    result = desk.materialize()
    assert desk.ran(result) == ["a", "b"]
    assert [warning for warning in result.warnings if "polars" in warning] == [plan.UNSUPPORTED]
    assert {"a:w", "a:v"} <= {str(one) for one in desk.project.lineage("b").upstream("id")}
    plan.forget()
