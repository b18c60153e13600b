"""What a run does with what definitions can say: inputs, config, resources, context, retries, partitions, SQL."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from assets_core.errors import HeadwaterError
from headwater import Project, asset, check
from tests.desk import Desk


def test_a_notebook_project_needs_no_files(tmp_path: Path) -> None:
    @asset(key="a")
    def a() -> pl.DataFrame:
        return pl.DataFrame({"id": [1, 2]})

    @asset(key="b", checks=[check.unique("id")])
    def b(a: pl.LazyFrame) -> pl.LazyFrame:
        return a.filter(pl.col("id") > 1)

    with Project.of([a, b], path=tmp_path) as project:
        assert project.materialize().counts == {"succeeded": 2}
        assert project.scan("b").collect().to_dicts() == [{"id": 2}]


def test_every_input_form_is_handed_over_and_every_result_form_taken(desk: Desk) -> None:
    desk.define(
        """
        import pandas as pd
        import pyarrow as pa

        @asset(key="lazy")
        def lazy() -> pl.LazyFrame:
            return pl.LazyFrame({"id": [1, 2], "v": [1.0, 2.0]})

        @asset(key="frame")
        def frame(lazy: pl.DataFrame) -> pl.DataFrame:
            assert isinstance(lazy, pl.DataFrame)
            return lazy

        @asset(key="panda")
        def panda(frame: pd.DataFrame) -> pd.DataFrame:
            assert isinstance(frame, pd.DataFrame)
            return frame.assign(w=frame.v + 1)

        @asset(key="arrow")
        def arrow(panda: pa.Table) -> pa.Table:
            assert isinstance(panda, pa.Table)
            return panda

        @asset(key="batches")
        def batches(arrow: pa.Table):
            yield from arrow.to_batches(max_chunksize=1)
        """
    )
    assert desk.materialize().counts == {"succeeded": 5}
    assert desk.rows("batches") == [{"id": 1, "v": 1.0, "w": 2.0}, {"id": 2, "v": 2.0, "w": 3.0}]


@pytest.mark.parametrize(
    "column",
    [
        'pl.Series(["a", None], dtype=pl.Categorical(pl.Categories("planes")))',
        'pl.Series(["{}", None]).ext.to(pl.Extension("arrow.json", pl.String, ""))',
    ],
)
def test_a_column_of_a_type_with_a_name_can_be_read(desk: Desk, column: str) -> None:
    desk.define(
        f"""
        @asset
        def a() -> pl.DataFrame:
            return pl.DataFrame({{"x": {column}}})

        @asset
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.select("x")

        @asset
        def c(b: pl.DataFrame) -> pl.DataFrame:
            return b
        """
    )
    assert desk.materialize().counts == {"succeeded": 3}
    assert desk.project.scan("c").collect().equals(desk.project.scan("a").collect())
    assert not desk.plan().steps


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ("[2**53 + 1, None]", "HW330"),
        ("[-(2**63), None]", "HW330"),
        ("[2**53 + 1, 1]", None),
        ("[2**53, None]", None),
        ("[None, None]", None),
    ],
)
def test_pandas_is_not_given_numbers_that_it_would_change(desk: Desk, numbers: str, code: str | None) -> None:
    desk.define(
        f"""
        import pandas as pd

        @asset
        def a() -> pl.DataFrame:
            return pl.DataFrame({{"id": {numbers}}}, schema={{"id": pl.Int64}})

        @asset
        def b(a: pd.DataFrame) -> pd.DataFrame:
            return a
        """
    )
    (step,) = [one for one in desk.materialize().steps if one.slot.asset == "b"]
    assert (step.error.code if step.error else None) == code
    if code is None:
        assert desk.rows("b") == desk.rows("a")


def test_a_config_value_enters_the_recipe_and_names_itself_as_the_reason(desk: Desk) -> None:
    desk.define(
        """
        class Limit(Config):
            above: int = 1

        @asset(key="a")
        def a(limit: Limit) -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2, 3]}).filter(pl.col("id") > limit.above)

        @asset(key="b")
        def b(a: pl.LazyFrame, limit: Limit) -> pl.LazyFrame:
            return a.with_columns(above=limit.above)
        """
    )
    desk.materialize()
    assert len(desk.rows("a")) == 2
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[config.a]\nabove = 2\n')
    plan = desk.plan()
    assert desk.reasons(plan)["a"] == ["config_changed"]
    assert "above changed from 1 to 2" in desk.messages(plan)["a"]
    desk.materialize()
    assert desk.rows("a") == [{"id": 3}]


@pytest.mark.parametrize(
    ("rewritten", "codes"),
    [
        ("kept = raw.filter(pl.col('n') > above.least)\n    return kept", ["config_changed"]),
        ("return raw.filter(pl.col('n') >= above.least)", ["code_changed", "config_changed"]),
    ],
    ids=["another local name", "another comparison"],
)
def test_beside_a_changed_config_code_is_blamed_only_where_it_differs_under_the_config_of_then(
    desk: Desk, rewritten: str, codes: list[str]
) -> None:
    desk.write("raw.csv", "n\n1\n2\n3\n")
    desk.define(
        """
        raw = source("raw", files="raw.csv", schema={"n": pl.Int64})


        class Above(Config):
            least: int = 1
            token: str | None = None


        @asset(key="a")
        def a(raw: pl.LazyFrame, above: Above) -> pl.LazyFrame:
            rows = raw.filter(pl.col('n') > above.least)
            return rows
        """
    )
    assert desk.materialize().ok
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[config.a]\nleast = 2\n')
    desk.edit("definitions.py", "rows = raw.filter(pl.col('n') > above.least)\n    return rows", rewritten)

    assert desk.reasons(desk.plan())["a"] == codes


def test_a_config_value_of_the_wrong_kind_is_refused_with_its_field(desk: Desk) -> None:
    desk.define(
        """
        class Limit(Config):
            above: int = 1

        @asset(key="a")
        def a(limit: Limit) -> pl.DataFrame:
            return pl.DataFrame({"id": [limit.above]})
        """
    )
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[config.a]\nabove = "many"\n')
    with pytest.raises(HeadwaterError, match="above") as caught:
        desk.project  # noqa: B018 -- loading is what fails
    assert caught.value.code == "HW148"


def test_resources_and_context_reach_the_function_and_not_the_recipe(desk: Desk) -> None:
    desk.define(
        """
        from headwater import Context, Resource

        class Api(Resource):
            base: str = "x"
            opened: int = 0
            def open(self): self.opened += 1

        @asset(key="a", partitions=Daily("2024-01-01", "2024-01-03"))
        def a(api: Api, context: Context) -> pl.DataFrame:
            context.add_metadata(calls=1)
            context.log.info("asking %s", api.base)
            return pl.DataFrame({"day": [context.partition.key], "opened": [api.opened], "hours": [
                (context.partition.end - context.partition.start).total_seconds() / 3600]})
        """
    )
    result = desk.materialize()
    assert desk.rows("a") == [
        {"day": "2024-01-01", "opened": 1, "hours": 24.0},
        {"day": "2024-01-02", "opened": 1, "hours": 24.0},
    ]
    assert "asking x" in result.steps[0].logs[0].output
    made = desk.project.catalog.published("dev")
    assert all(one.metadata == {"calls": 1} for one in made.values())
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[resources.api]\nbase = "y"\n')
    assert desk.plan().steps == ()


def test_a_failing_step_is_tried_again_as_often_as_it_says(desk: Desk) -> None:
    desk.define(
        """
        from pathlib import Path
        from headwater import Retry, Run

        @asset(key="a", run=Run(retry=Retry(attempts=3, wait_seconds=0.01, on=(OSError,))))
        def a() -> pl.DataFrame:
            path = Path(__file__).with_name("tries")
            tries = int(path.read_text()) if path.exists() else 0
            path.write_text(str(tries + 1))
            if tries < 2:
                raise ConnectionError("not yet")
            return pl.DataFrame({"tries": [tries]})
        """
    )
    result = desk.materialize()
    assert (str(result.steps[0].state), result.steps[0].attempts) == ("succeeded", 3)
    assert "not yet" in result.steps[0].logs[0].traceback


def test_an_exception_of_another_type_is_not_tried_again(desk: Desk) -> None:
    desk.define(
        """
        from headwater import Retry, Run

        @asset(key="a", run=Run(retry=Retry(attempts=3, wait_seconds=0.01, on=(OSError,))))
        def a() -> pl.DataFrame:
            raise ValueError("no use")
        """
    )
    assert desk.materialize().steps[0].attempts == 1


def test_an_exception_is_told_from_the_users_line_on(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            raise KeyError("missing thing")

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a
        """
    )
    result = desk.materialize()
    states = {str(one.slot): str(one.state) for one in result.steps}
    error = next(one.error for one in result.steps if one.error is not None)
    assert states == {"a": "failed", "b": "upstream_failed"}
    assert error.traceback.startswith("Traceback (most recent call last):\n  File")
    assert error.traceback.count("File") == 1


def test_a_multi_asset_publishes_all_its_outputs_or_none(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="numbers")
        def numbers() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, -2, 3]})

        @multi_asset(outputs={"good": Out("split/good"), "bad": Out("split/bad", checks=[check.row_count(maximum=1)])})
        def split(numbers: pl.LazyFrame):
            return {"good": numbers.filter(pl.col("id") > 0), "bad": numbers.filter(pl.col("id") <= 0)}
        """
    )
    assert desk.materialize().counts == {"succeeded": 2}
    assert desk.rows("split/bad") == [{"id": -2}]
    desk.edit("definitions.py", "[1, -2, 3]", "[1, -2, -3, 4]")
    result = desk.materialize()
    assert {str(one.slot): str(one.state) for one in result.steps} == {
        "numbers": "succeeded",
        "split/good": "blocked",
        "split/bad": "blocked",
    }
    assert desk.rows("split/good") == [{"id": 1}, {"id": 3}]


def test_a_month_reads_its_days_and_a_window_reads_its_neighbours(desk: Desk) -> None:
    desk.write(
        "rows.csv", "id,day,v\n" + "".join(f"{n},2024-01-{n:02},{n}\n" for n in range(1, 32)) + "32,2024-02-01,1\n"
    )
    desk.define(
        """
        days = Daily("2024-01-01", "2024-03-01")
        rows = source("raw/rows", files="rows.csv", partitions=days, partition_by="day", try_parse_dates=True)

        @asset(key="daily", inputs={"raw": rows}, partitions=days, partition_by="day")
        def daily(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw

        @asset(key="monthly", partitions=Monthly("2024-01", "2024-03"))
        def monthly(daily: pl.LazyFrame) -> pl.LazyFrame:
            return daily.select(pl.col("v").sum(), n=pl.len())

        @asset(key="trailing", inputs={"rows": Input("daily", partitions=window(-1, 0))}, partitions=days)
        def trailing(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.select(pl.col("v").sum())
        """
    )
    result = desk.materialize("+monthly", partition="2024-01")
    assert result.counts == {"succeeded": 32}
    assert desk.rows("monthly", "2024-01") == [{"v": 496, "n": 31}]
    desk.materialize("trailing", partition="2024-01-01..2024-01-03")
    assert desk.rows("trailing") == [{"v": 1}, {"v": 3}, {"v": 5}]


def test_a_sql_file_with_a_header_is_an_asset(desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\nsql = ["sql"]\n')
    desk.define(
        """
        @asset(key="staging/rows", partitions=Daily("2024-01-01", "2024-01-03"), partition_by="day")
        def rows() -> pl.DataFrame:
            return pl.DataFrame(schema={"day": pl.Date, "v": pl.Int64})
        """
    )
    desk.write(
        "sql/marts/total.sql",
        """
        /* headwater
        description = "One row a day"
        partitions = {every = "day", start = "2024-01-01", end = "2024-01-03"}
        checks = [{not_null = ["key"]}, {between = ["hours", 20, 30], severity = "warn"}]
        columns = {key = "the partition key"}
        */
        select :partition_key as key, count(v) as n, date_diff('hour', :partition_start, :partition_end) as hours
        from staging.rows -- ':not_bound'
        """,
    )
    assert desk.materialize().counts == {"succeeded": 4}
    assert desk.rows("marts/total", "2024-01-02") == [{"key": "2024-01-02", "n": 0, "hours": 24}]
    found = desk.project.graph.asset("marts/total")
    assert (found.description, [one.name for one in found.checks]) == (
        "One row a day",
        ["not_null(key)", "between(hours, high=30, low=20)"],
    )


def test_a_sql_asset_that_asks_for_the_clock_must_say_volatile(desk: Desk) -> None:
    desk.define('sql_asset("a", "select now() as t")')
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize()
    assert caught.value.code == "HW151"
    desk.define('sql_asset("a", "select now() as t", volatile=True)')
    assert desk.materialize().ok
    assert desk.reasons(desk.plan()) == {"a": ["volatile"]}


def test_a_sql_asset_sees_neither_files_nor_other_tables(desk: Desk) -> None:
    desk.write("secret.csv", "a\n1\n")
    desk.define(f'sql_asset("a", "select * from read_csv(\'{desk.root}/secret.csv\')")')
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize()
    assert "read_csv" in str(caught.value) or "secret" in str(caught.value)


def test_deps_order_and_enter_the_recipe_without_being_loaded(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="first")
        def first() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        @asset(key="second", deps=["first"])
        def second() -> pl.DataFrame:
            return pl.DataFrame({"id": [2]})
        """
    )
    assert desk.ran(desk.materialize()) == ["first", "second"]
    desk.edit("definitions.py", '{"id": [1]}', '{"id": [7]}')
    assert desk.ran(desk.materialize()) == ["first", "second"]


def test_a_blocking_check_on_a_source_keeps_the_last_observation(desk: Desk) -> None:
    desk.write("rows.csv", "id\n1\n2\n")
    desk.define(
        """
        rows = source("raw/rows", files="rows.csv", checks=[check.unique("id")])

        @asset(key="a")
        def a(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows
        """
    )
    desk.materialize()
    desk.write("rows.csv", "id\n1\n1\n")
    result = desk.materialize()
    assert any("unique(id) failed" in warning for warning in result.warnings)
    assert not desk.ran(result)


def test_a_stale_upstream_outside_the_selection_is_used_as_published_and_named(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.with_columns(v=1)
        """
    )
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize("b")
    assert (caught.value.code, "+b" in caught.value.hint) == ("HW603", True)
    desk.materialize()
    desk.edit("definitions.py", "[1]", "[5]")
    desk.edit("definitions.py", "v=1", "v=2")
    result = desk.materialize("b")
    assert desk.rows("b") == [{"id": 1, "v": 2}]
    assert any("a as it is published" in warning for warning in result.warnings)


def test_force_computes_what_is_fresh(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """
    )
    desk.materialize()
    assert desk.materialize().run_id is None
    assert desk.ran(desk.materialize(force=True)) == ["a"]


def test_preview_shows_this_code_on_published_inputs_and_records_nothing(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.with_columns(v=1)
        """
    )
    desk.materialize()
    desk.edit("definitions.py", "v=1", "v=2")
    before = desk.project.catalog.head()
    assert desk.project.preview("b").to_dicts() == [{"id": 1, "v": 2}]
    assert desk.project.catalog.head() == before
    assert desk.rows("b") == [{"id": 1, "v": 1}]


def test_what_was_published_at_a_moment_can_be_read_later(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """
    )
    first = desk.materialize()
    desk.edit("definitions.py", "[1]", "[2]")
    desk.materialize()
    assert desk.project.scan("a").collect().to_dicts() == [{"id": 2}]
    assert desk.project.scan("a", as_of=f"run:{first.run_id}").collect().to_dicts() == [{"id": 1}]


def test_an_interrupt_publishes_what_is_running_and_exits_in_order(desk: Desk) -> None:
    desk.define(
        """
        import time

        @asset(key="slow")
        def slow() -> pl.DataFrame:
            time.sleep(1.5)
            return pl.DataFrame({"id": [1]})

        @asset(key="after")
        def after(slow: pl.LazyFrame) -> pl.LazyFrame:
            return slow
        """
    )
    code = "import sys; from headwater import Project; Project.load(sys.argv[1]).materialize()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(desk.root)], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not desk.project.runs():
        time.sleep(0.05)
    time.sleep(0.4)
    child.terminate()
    assert child.wait(timeout=30) != 0
    run = desk.project.runs()[0]
    assert (str(run.state), run.counts) == ("cancelled", {"succeeded": 1, "cancelled": 1})
    assert desk.rows("slow") == [{"id": 1}]
    assert desk.ran(desk.materialize()) == ["after"]


def test_what_attempts_print_is_told_apart_between_threads(desk: Desk) -> None:
    desk.define(
        """
        import time

        def make(n):
            @asset(key=f"a{n}")
            def one() -> pl.DataFrame:
                for part in range(5):
                    print(f"a{n} says {part}")
                    time.sleep(0.01)
                return pl.DataFrame({"id": [n]})

        for n in range(4):
            make(n)
        """
    )
    for step in desk.materialize(workers=4).steps:
        lines = step.logs[0].output.splitlines()
        assert lines == [f"{step.slot} says {part}" for part in range(5)]


def test_two_projects_may_use_one_module_name(tmp_path: Path) -> None:
    desks = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made = Desk(tmp_path / name)
        made.define(
            f"""
            @asset(key="a")
            def a() -> pl.DataFrame:
                return pl.DataFrame({{"name": ["{name}"]}})
            """
        )
        made.materialize()
        desks.append(made)
    assert [one.rows("a") for one in desks] == [[{"name": "one"}], [{"name": "two"}]]
    for one in desks:
        one.close()


def test_a_module_that_answers_to_any_name_can_be_loaded_again(desk: Desk) -> None:
    desk.write("answers.py", "def __getattr__(name):\n    return 7\n")
    text = """
    import answers

    @asset(key="a")
    def a() -> pl.DataFrame:
        return pl.DataFrame({"x": [answers.seven]})
    """
    for _ in range(2):
        desk.define(text)
        assert [one.key for one in desk.project.graph.assets] == ["a"]


NOISE = """
@asset(key="a", unique_key="id"{options})
def a() -> pl.DataFrame:
    return pl.DataFrame({{"id": [1, 2], "v": [0.1 + 0.2, 1.5], "n": [1.0, 2.0]}})

@asset(key="b")
def b(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.select("v")
"""


def test_noise_in_the_last_bits_of_a_float_makes_nothing_stale(desk: Desk) -> None:
    desk.define(NOISE.format(options=""))
    desk.materialize()
    desk.edit("definitions.py", "0.1 + 0.2", "0.3")
    states = {str(one.slot): str(one.state) for one in desk.materialize().steps}
    assert states == {"a": "succeeded", "b": "skipped"}


def test_noise_that_adds_up_is_compared_with_where_the_version_came_from(desk: Desk) -> None:
    desk.define(NOISE.format(options=", tolerance=1e-3"))
    desk.materialize()
    values = ["0.3 * 1.0006", "0.3 * 1.0012"]
    desk.edit("definitions.py", "0.1 + 0.2", values[0])
    assert desk.ran(desk.materialize()) == ["a"]
    desk.edit("definitions.py", values[0], values[1])
    assert desk.ran(desk.materialize()) == ["a", "b"]


def test_a_whole_number_in_a_float_column_is_no_noise(desk: Desk) -> None:
    desk.define(NOISE.format(options=", tolerance=0.9"))
    desk.materialize()
    desk.edit("definitions.py", '"n": [1.0, 2.0]', '"n": [1.0, 3.0]')
    desk.edit("definitions.py", 'select("v")', 'select("n")')
    desk.materialize()
    assert desk.rows("b") == [{"n": 1.0}, {"n": 3.0}]
    desk.edit("definitions.py", "3.0]", "2.0]")
    assert desk.ran(desk.materialize()) in ([], ["a", "b"], ["b"])
    assert desk.rows("b") == [{"n": 1.0}, {"n": 2.0}]


def test_lineage_is_kept_through_eager_code_that_can_be_followed(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2], "v": [1, 2], "w": [3, 4]})

        @asset(key="followed")
        def followed(a: pl.DataFrame) -> pl.DataFrame:
            return a.filter(pl.col("v") > 0).select("id", double=pl.col("w") * 2)

        @asset(key="lost")
        def lost(a: pl.DataFrame) -> pl.DataFrame:
            return a.select("id", least=pl.lit(a["w"].min()))
        """
    )
    assert desk.materialize().ok
    followed, lost = (desk.project.lineage(key) for key in ("followed", "lost"))
    assert {str(one) for one in followed.upstream("double", direct=True)} == {"a:w"}
    assert {"a:v", "a:w"} <= {str(one) for one in followed.upstream("double")}
    assert {"a:id", "a:v", "a:w"} <= {str(one) for one in lost.upstream("least")}
    assert {str(edge.evidence) for edge in lost.trace("least", depth=1).edges} == {"opaque"}
    assert {str(edge.evidence) for edge in desk.project.lineage("followed").trace(depth=1).edges} == {"derived"}


def test_an_ordered_asset_is_made_again_when_its_input_is_reordered(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2, 3]})

        @asset(key="b", ordered=True)
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.with_columns(v=1)

        @asset(key="c")
        def c(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.with_columns(v=1)
        """
    )
    desk.materialize()
    desk.edit("definitions.py", "[1, 2, 3]", "[3, 2, 1]")
    assert desk.ran(desk.materialize()) == ["a", "b"]
    assert desk.project.scan("b").collect()["id"].to_list() == [3, 2, 1]


def test_a_query_that_only_counts_rows_reads_no_column_and_counts_right(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2, 3], "v": [1, 1, 1]})

        sql_asset("n", "select count(*) as n from a")
        """
    )
    desk.materialize()
    assert desk.rows("n") == [{"n": 3}]
    desk.edit("definitions.py", "[1, 2, 3]", "[4, 5, 6]")
    assert desk.ran(desk.materialize()) == ["a"]
    desk.edit("definitions.py", '[4, 5, 6], "v": [1, 1, 1]', '[4, 5], "v": [1, 1]')
    assert desk.ran(desk.materialize()) == ["a", "n"]
    assert desk.rows("n") == [{"n": 2}]


def test_a_query_that_turns_out_wrong_in_the_run_is_told_with_why_and_what_to_do(desk: Desk) -> None:
    desk.define("""
        @asset(key="temp/x")
        def x() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        sql_asset("reader", "select id from temp.x")
    """)
    error = next(step.error for step in desk.materialize().steps if str(step.slot) == "reader")
    assert error is not None
    assert (error.code, error.message.splitlines()[0]) == ("HW230", "DuckDB does not accept the query")
    assert "temp" in error.message.splitlines()[1]
    assert '"temp/x"' in error.hint


def test_a_script_in_the_folder_of_the_project_stays_the_main_module(desk: Desk) -> None:
    settings = '[project]\nname = "desk"\nmodules = ["definitions"]\n[storage.default]\nkind = "duckdb"\n'
    desk.write("headwater.toml", settings)
    desk.define('sql_asset("a", "select 1 as x")')
    script = desk.write("run.py", """
        import sys
        from headwater import Project
        with Project.load(".") as project:
            assert project.materialize().ok
        assert sys.modules["__main__"].project is project
    """)  # fmt: skip
    ran = subprocess.run([sys.executable, script.name], cwd=desk.root, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_lineage_goes_on_through_columns_that_only_the_data_told(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="sales")
        def sales() -> pl.DataFrame:
            return pl.DataFrame({"shop": [1, 1, 2], "kind": ["x", "y", "x"], "price": [5, 6, 7]})

        sql_asset("turned", "pivot sales on kind using max(price) group by shop")

        @asset(key="after")
        def after(turned: pl.LazyFrame) -> pl.LazyFrame:
            return turned.select("y")
        """
    )
    desk.materialize()
    project = desk.project
    direct = {str(ref) for ref in project.lineage("after").upstream("y", direct=True)}
    assert direct == {"turned:y", "sales:price"}
    assert {str(ref) for ref in project.lineage("turned").upstream("shop", direct=True)} == {"sales:shop"}
