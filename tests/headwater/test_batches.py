"""Batches: many slots in one call, and every one of them as it would be alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from assets_core.errors import DefinitionError, HeadwaterError
from assets_core.ports import RunResult
from headwater.backfill import Backfill
from materializers import tables
from tests.desk import Desk

RAW = """
days = Daily("2024-01-28", "2024-02-04")
raw = source("raw", files="raw.csv", schema={"day": pl.Date, "id": pl.Int64, "x": pl.Int64, "kind": pl.String},
             partitions=days, partition_by="day")
"""
PLAIN = """
@asset(partitions=days, partition_by="day", unique_key=["id"], run=Run(batch={batch}))
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(pl.col("x") * 2)
"""


def write_raw(desk: Desk, changed: Mapping[int, int] | None = None, *, left_out: tuple[str, ...] = ()) -> None:
    """Three rows a day for a week over the end of a month; ``x`` of some ids can be another."""
    lines = ["day,id,x,kind"]
    dates = [f"2024-01-{number}" for number in range(28, 32)] + [f"2024-02-0{number}" for number in range(1, 4)]
    for place, day in enumerate(dates):
        if day not in left_out:
            rows = range(place * 3, place * 3 + 3)
            lines += [f"{day},{row},{(changed or {}).get(row, row)},{'ab'[row % 2]}" for row in rows]
    desk.write("raw.csv", "\n".join(lines) + "\n")


@pytest.fixture
def week(desk: Desk) -> Desk:
    """A project whose source is there and whose assets are not."""
    write_raw(desk)
    return desk


def defined(desk: Desk, batch: object = "month", code: str = PLAIN) -> Desk:
    """The source, and an asset that is batched."""
    desk.define(RAW + dedent(code).replace("{batch}", repr(batch)))
    return desk


def calls(desk: Desk) -> list[int]:
    """The numbers of slots of each call that the asset ``staged`` was computed by, in order, as it noted them."""
    path = desk.root / "calls.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


NOTING = """
from pathlib import Path
from headwater import Context

@asset(partitions=days, partition_by="day", unique_key=["id"], run=Run(batch={batch}))
def staged(raw: pl.DataFrame, context: Context) -> pl.DataFrame:
    with Path("calls.txt").open("a") as file:
        file.write(f"{len(context.partitions)}\\n")
    return raw.with_columns(pl.col("x") * 2)
"""


def versions(desk: Desk, key: str = "staged") -> dict[str, tuple[object, ...]]:
    """Data version, recipe and checks of every published slot."""
    shown = desk.project.catalog.published("dev", assets={key})
    return {
        str(slot): (one.version, one.recipe and one.recipe.id, one.schema, one.checks, one.lineage)
        for slot, one in shown.items()
    }


@pytest.mark.parametrize("batch", ["month", "year", 2, 200, 1, "day"])
def test_slots_of_a_batch_are_recorded_as_slots_alone_are(tmp_path: Path, batch: object) -> None:
    found = []
    for name, size in (("alone", None), ("together", batch)):
        desk = Desk(tmp_path / name)
        write_raw(desk)
        defined(desk, size)
        assert desk.materialize().counts == {"succeeded": 7}
        found.append(versions(desk))
        desk.close()
    assert found[0] == found[1]


def test_a_batch_by_the_month_is_one_call_a_month(week: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(week.root)
    defined(week, "month", NOTING)
    week.materialize(workers=1)
    # Eager code is not proven, so one slot of each batch is computed once more, alone.
    assert calls(week) == [4, 1, 3, 1]


def test_a_batch_by_number_is_runs_of_neighbours_of_at_most_so_many(
    week: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(week.root)
    defined(week, 3, NOTING)
    week.materialize(workers=1)
    assert calls(week) == [3, 1, 3, 1, 1]


def test_only_slots_that_are_stale_when_their_inputs_have_settled_are_in_the_call(
    week: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(week.root)
    defined(week, "month", NOTING)
    week.materialize(workers=1)
    write_raw(week, {0: 100, 3: 100})
    assert week.materialize(workers=1).counts == {"succeeded": 2}
    assert calls(week) == [4, 1, 3, 1, 2, 1, 1]  # of two slots both are computed alone too


def test_a_slot_whose_recipe_is_in_history_is_reused_and_the_others_are_computed(week: Desk) -> None:
    defined(week)
    week.materialize()
    write_raw(week, {0: 100, 3: 100})
    week.materialize()
    write_raw(week, {3: 200})
    assert week.materialize().counts == {"reused": 1, "succeeded": 1}
    assert week.rows("staged", "2024-01-28")[0]["x"] == 0
    assert week.rows("staged", "2024-01-29")[0]["x"] == 400


def test_a_slot_without_rows_in_the_result_is_an_empty_table_of_the_right_columns(desk: Desk) -> None:
    write_raw(desk, left_out=("2024-01-30",))
    defined(desk)
    assert desk.materialize().counts == {"succeeded": 7}
    empty = desk.project.scan("staged", "2024-01-30").collect()
    assert empty.height == 0
    assert empty.schema == desk.project.scan("staged", "2024-01-28").collect().schema


CHECKED = """
@asset(partitions=days, partition_by="day", unique_key=["id"], run=Run(batch="month"),
       checks=[check.between("x", 0, 60), check.unique("kind", severity="warn"), check.row_count(3),
               check.expression("x >= 0"), check.accepted_values("kind", ["a", "b"])])
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(pl.col("x") * 2)

@asset(partitions=days)
def reader(staged: pl.LazyFrame) -> pl.LazyFrame:
    return staged
"""


def test_a_slot_whose_blocking_check_fails_is_set_aside_alone(desk: Desk) -> None:
    write_raw(desk, {4: 1000})
    defined(desk, code=CHECKED)
    result = desk.materialize()
    assert result.counts == {"blocked": 1, "succeeded": 12, "upstream_failed": 1}
    blocked = [str(one.slot) for one in result.steps if one.state == "blocked"]
    assert blocked == ["staged@2024-01-29"]
    lost = [str(one.slot) for one in result.steps if one.state == "upstream_failed"]
    assert lost == ["reader@2024-01-29"]
    failed = next(one for one in result.steps if one.state == "blocked").checks[0]
    assert (failed.failed_rows, failed.message) == (1, "1 of 3 rows have x outside 0 to 60")


def test_checks_of_a_batch_are_those_of_the_slots_alone(tmp_path: Path) -> None:
    found = []
    for name, code in (("alone", CHECKED.replace(', run=Run(batch="month")', "")), ("together", CHECKED)):
        desk = Desk(tmp_path / name)
        write_raw(desk, {4: 1000})
        defined(desk, code=code)
        found.append({str(one.slot): one.checks for one in desk.materialize().steps})
        desk.close()
    assert found[0] == found[1]


def test_a_batch_with_a_slot_that_breaks_a_promise_is_computed_slot_by_slot(desk: Desk) -> None:
    desk.write(
        "raw.csv",
        "day,id,x,kind\n2024-01-28,1,1,a\n2024-01-29,2,2,a\n2024-01-29,2,3,b\n2024-01-30,4,4,a\n2024-02-03,9,9,a\n",
    )
    defined(desk)
    result = desk.materialize()
    states = {str(one.slot): str(one.state) for one in result.steps}
    assert states["staged@2024-01-28"] == states["staged@2024-01-30"] == "succeeded"
    assert states["staged@2024-01-29"] == "failed"
    assert any("staged is computed slot by slot: the unique_key id" in one for one in result.warnings)


KEYLESS = """
days = Daily("2024-01-28", "2024-02-04")
raw = source("raw", files="raw.csv", partitions=days, partition_by="day",
             schema={"day": pl.Date, "x": pl.Int64, "kind": pl.String})

@asset(partitions=days, partition_by="day")
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("day", pl.col("x") * 2)
"""


@pytest.mark.parametrize("rows_together", [1, 1202, 500_000])
def test_slots_that_are_looked_at_together_read_what_they_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_together: int
) -> None:
    """Of tables without a key what is read is digested when it is asked for: then of many slots in one pass."""
    monkeypatch.setattr(tables, "ROWS_TOGETHER", rows_together)
    found = []
    for name in ("alone", "together"):
        desk = Desk(tmp_path / name)
        rows = [f"2024-01-{28 + day},{row % 2},a" for day, size in enumerate([3, 600, 0, 601]) for row in range(size)]
        desk.write("raw.csv", "\n".join(["day,x,kind", *rows]) + "\n")
        desk.define(KEYLESS)
        desk.materialize("staged", partition="2024-01-28")  # what is read is known only now
        for day in ("29", "30", "31") if name == "alone" else ():
            desk.materialize("staged", partition=f"2024-01-{day}")
        desk.materialize("staged")
        found.append((versions(desk), desk.project.catalog.published("dev", assets={"raw"})))
        desk.close()
    (alone, raw), (together, raw_together) = found
    assert alone == together
    assert len(alone) == 4
    assert {slot: one.version for slot, one in raw.items()} == {slot: one.version for slot, one in raw_together.items()}
    keyless = [one.version.projections for one in raw.values() if not one.version.key]
    assert len(keyless) == 3
    assert all(("day", "x") in one for one in keyless)


CUMULATIVE = """
@asset(partitions=days, partition_by="day", unique_key=["id"], run=Run(batch={batch}))
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(pl.col("x").cum_sum())
"""


def test_a_batch_that_would_change_a_result_is_thrown_away_and_said_to_be(tmp_path: Path) -> None:
    found: list[tuple[RunResult, dict[str, tuple[object, ...]]]] = []
    for name, size in (("alone", None), ("together", "month")):
        desk = Desk(tmp_path / name)
        write_raw(desk)
        defined(desk, size, CUMULATIVE)
        found.append((desk.materialize(), versions(desk)))
        desk.close()
    assert found[0][1] == found[1][1]
    assert found[1][0].counts == {"succeeded": 7}
    assert [one.attempts for one in found[1][0].steps] == [1] * 7
    assert tuple(sorted(found[1][0].warnings)) == (
        "staged is computed slot by slot: staged@2024-01-30 comes out differently when it is computed in a batch: "
        "x differ",
        "staged is computed slot by slot: staged@2024-02-02 comes out differently when it is computed in a batch: "
        "x differ",
    )


@pytest.mark.parametrize(
    ("left_out", "dropped", "said"),
    [
        (("2024-01-30", "2024-02-02"), "", "staged@2024-01-29 comes out differently"),
        (("2024-01-30", "2024-02-02"), "", "staged@2024-02-03 comes out differently"),  # of two both are tried
        # The day that is tried has rows to read and gives none, which tells nothing of the other days.
        ((), '.filter(~pl.col("day").is_in([date(2024, 1, 30), date(2024, 2, 2)]))', "staged@2024-01-30 has no rows"),
    ],
)
def test_a_batch_is_not_tried_by_a_slot_without_rows(
    tmp_path: Path, left_out: tuple[str, ...], dropped: str, said: str
) -> None:
    found = []
    for name, size in (("alone", None), ("together", "month")):
        desk = Desk(tmp_path / name)
        write_raw(desk, left_out=left_out)
        defined(
            desk,
            size,
            "from datetime import date\n" + dedent(CUMULATIVE).replace(".cum_sum())", f".cum_sum()){dropped}"),
        )
        result = desk.materialize()
        assert any(said in one for one in result.warnings) == (name == "together")
        found.append(versions(desk))
        desk.close()
    assert found[0] == found[1]


def test_an_exception_in_a_batch_fails_those_slots_that_raise_it_alone(week: Desk) -> None:
    defined(
        week,
        code="""
        @asset(partitions=days, partition_by="day", run=Run(batch="month"))
        def staged(raw: pl.DataFrame) -> pl.DataFrame:
            if 4 in raw["id"]:
                raise ValueError("four")
            return raw
        """,
    )
    result = week.materialize()
    assert result.counts == {"failed": 1, "succeeded": 6}
    error = next(one.error for one in result.steps if one.state == "failed")
    assert error is not None
    assert error.message == "four"


STRAY = """
@asset(partitions=days, partition_by="day", run=Run(batch="month"))
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(day=pl.when(pl.col("id") == 4).then({value}).otherwise("day"))
"""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("None", "1 without a value of 'day'"),
        ("pl.date(2024, 2, 1)", "1 of other partitions"),
        ("pl.date(1999, 1, 1)", "1 of other partitions"),
    ],
)
def test_rows_that_belong_to_no_slot_of_the_batch_publish_nothing_and_are_shown(
    week: Desk, value: str, said: str
) -> None:
    defined(week, code=STRAY.replace("{value}", value))
    result = week.materialize()
    failed = {str(one.slot): one.error for one in result.steps if one.state == "failed"}
    assert list(failed) == [f"staged@2024-01-{day}" for day in range(28, 32)]
    error = failed["staged@2024-01-28"]
    assert error is not None
    assert error.code == "HW338"
    assert said in error.message
    assert "id=4, x=4, kind=a" in error.message
    assert {str(slot) for slot in week.project.catalog.published("dev", assets={"staged"})} == {
        f"staged@2024-02-0{day}" for day in (1, 2, 3)
    }


def test_at_most_a_few_stray_rows_are_shown(week: Desk) -> None:
    code = STRAY.replace("{value}", "None").replace('pl.col("id") == 4', 'pl.col("id") >= 0')
    defined(week, code=code)
    error = next(one.error for one in week.materialize().steps if one.error is not None)
    assert error is not None
    assert error.message.count("kind=") == 5


def test_the_context_of_a_batch_has_partitions_and_no_one_partition(week: Desk) -> None:
    defined(
        week,
        code="""
        from headwater import Context

        @asset(partitions=days, partition_by="day", run=Run(batch="month"))
        def staged(raw: pl.DataFrame, context: Context) -> pl.DataFrame:
            assert len(context.partitions) == raw["day"].n_unique()
            return raw.filter(pl.col("day") == context.partition.start.date()) if len(context.partitions) == 1 else raw

        @asset(partitions=days, partition_by="day", run=Run(batch="month"))
        def alone(raw: pl.DataFrame, context: Context) -> pl.DataFrame:
            return raw.filter(pl.col("day") == context.partition.start.date())
        """,
    )
    result = week.materialize()
    assert result.counts == {"succeeded": 14}
    assert (
        "alone is computed slot by slot: alone is computed for 4 partitions at once, so there is no one partition"
        in (result.warnings)
    )


def test_a_month_reads_its_days_and_can_be_batched_by_the_year(week: Desk) -> None:
    defined(
        week,
        code="""
        months = Monthly("2024-01", "2024-03")

        @asset(partitions=days, partition_by="day")
        def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw

        @asset(partitions=months, partition_by="day", run=Run(batch="year"))
        def monthly(staged: pl.LazyFrame) -> pl.LazyFrame:
            return staged.group_by("day").agg(pl.col("x").sum())
        """,
    )
    assert [len(one) for one in week.plan().batches] == [2]
    assert week.materialize().counts == {"succeeded": 9}
    assert [row["x"] for row in week.rows("monthly", "2024-02")] == [39, 48, 57]
    assert week.project.validate().localities["monthly"].proven


def test_a_query_can_be_batched(week: Desk) -> None:
    defined(
        week,
        code="""
        sql_asset("staged", "select day, kind, sum(x) as x from raw group by all", partitions=days,
                  partition_by="day", unique_key=["day", "kind"], run=Run(batch="month"))
        """,
    )
    assert week.materialize().counts == {"succeeded": 7}
    assert week.project.validate().localities["staged"].proven
    assert [row["x"] for row in week.rows("staged", "2024-01-28")] == [2, 1]


@pytest.mark.parametrize(
    ("batch", "code", "said"),
    [
        (0, "HW190", "batch=0 is no number of slots"),
        (-3, "HW190", "batch=-3 is no number of slots"),
        ("mnoth", "HW190", "batch='mnoth' is no calendar window"),
        (True, "HW190", "neither a number of slots nor a window"),
        (2.5, "HW190", "neither a number of slots nor a window"),
    ],
)
def test_a_batch_that_is_no_size_is_refused(week: Desk, batch: object, code: str, said: str) -> None:
    defined(week, batch)
    with pytest.raises(DefinitionError, match=said) as caught:
        week.plan()
    assert caught.value.code == code
    assert "definitions.py" in caught.value.where


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("run=Run(batch=3)", "it has no partitions"),
        ("partitions=days, run=Run(batch=3)", "nothing tells to which partition a row of its result belongs"),
        (
            'partitions=days, partition_by="day", run=Run(batch=3), inputs={"raw": Input("raw", window(-1, 0))}',
            r"its input raw is a window\(-1, 0\), so one row belongs to several slots",
        ),
        (
            'partitions=days, partition_by="day", run=Run(batch=3), schema={"day": pl.Date}, previous="raw"',
            "each of its slots reads the one before",
        ),
    ],
)
def test_an_asset_that_cannot_be_batched_says_why(week: Desk, options: str, said: str) -> None:
    week.define(f"{RAW}\n@asset({options})\ndef staged(raw: pl.LazyFrame) -> pl.LazyFrame:\n    return raw\n")
    with pytest.raises(DefinitionError, match=said) as caught:
        week.plan()
    assert caught.value.code == "HW191"


def test_names_are_no_calendar_and_a_query_of_one_partition_is_no_batch(week: Desk) -> None:
    week.define(
        """
        @asset(partitions=Static(["EU", "US"]), partition_by="region", run=Run(batch="month"))
        def regions() -> pl.DataFrame:
            return pl.DataFrame({"region": ["EU"]})
        """.replace("Static", "__import__('headwater').Static")
    )
    with pytest.raises(DefinitionError, match="its partitions are no slices of time"):
        week.plan()
    defined(
        week,
        code="""
        sql_asset("staged", "select * from raw where day = :partition_start::date", partitions=days,
                  partition_by="day", run=Run(batch="month"))
        """,
    )
    with pytest.raises(HeadwaterError, match=":partition_start, which is of one partition"):
        week.materialize()


@pytest.mark.parametrize("bound", ["partition_key", "partition_start", "partition_end"])
def test_a_query_of_one_partition_is_left_alone_by_a_backfill_in_batches(week: Desk, bound: str) -> None:
    week.define(
        RAW + f"sql_asset('staged', 'select day, id, :{bound} as p from raw', partitions=days, partition_by='day')\n"
    )
    result = week.project.backfill("staged", Backfill(batch=3))
    assert (result.counts, result.warnings) == ({"succeeded": 7}, ())


def test_validate_says_why_a_batch_is_not_proven_and_nothing_where_it_is(week: Desk) -> None:
    defined(week)
    assert not [one for one in week.project.validate().warnings if "batched" in one]
    defined(week, "month", CUMULATIVE)
    assert [one for one in week.project.validate().warnings if "batched" in one] == [
        "staged is batched, and nothing proves that this changes no result: its cum_sum goes over rows of other "
        "partitions; so one slot of each batch is computed alone as well and compared"
    ]


def test_slots_made_under_another_partition_column_are_not_taken_for_proof(week: Desk) -> None:
    """What is published may be stale: its rows were held to another column than the one declared now."""
    code = """
        @asset(partitions=days, partition_by="{column}")
        def first(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw.with_columns(other=pl.date(2024, 1, 28) + pl.duration(days=(pl.col("id") // 3)))

        @asset(partitions=days, partition_by="other", run=Run(batch="month"))
        def staged(first: pl.LazyFrame) -> pl.LazyFrame:
            return first.select("other", "id")
        """
    defined(week, code=code.replace("{column}", "day"))
    week.materialize("first")
    defined(week, code=code.replace("{column}", "other"))
    assert week.project.validate().localities["staged"].proven
    assert week.materialize("staged").counts == {"succeeded": 7}


def test_a_batch_is_tried_again_slot_by_slot_with_all_tries_left(week: Desk) -> None:
    defined(
        week,
        code="""
        from pathlib import Path
        from headwater import Context, Retry

        @asset(partitions=days, partition_by="day", run=Run(batch="month", retry=Retry(attempts=2, wait_seconds=0)))
        def staged(raw: pl.DataFrame, context: Context) -> pl.DataFrame:
            if len(context.partitions) > 1 or context.attempt == 1:
                raise OSError("not now")
            return raw
        """,
    )
    result = week.materialize()
    assert result.counts == {"succeeded": 7}
    assert {one.attempts for one in result.steps} == {2}


def test_what_a_batch_printed_is_kept_once_and_seconds_are_shared(week: Desk) -> None:
    defined(
        week,
        code="""
        @asset(partitions=days, partition_by="day", run=Run(batch="year"))
        def staged(raw: pl.DataFrame) -> pl.DataFrame:
            if raw["day"].n_unique() > 1:
                print("seen", raw.height)
            return raw
        """,
    )
    result = week.materialize()
    printed = [one.logs[0].output.strip() for one in result.steps]
    assert printed == ["seen 21", *[""] * 6]
    assert len({round(one.seconds, 9) for one in result.steps}) == 1


def test_a_slot_that_failed_is_planned_again_alone_of_its_month(week: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(week.root)
    defined(
        week,
        code="""
        from pathlib import Path

        @asset(partitions=days, partition_by="day", run=Run(batch="month"))
        def staged(raw: pl.DataFrame) -> pl.DataFrame:
            if 4 in raw["id"] and not Path("mended").exists():
                raise ValueError("four")
            return raw
        """,
    )
    assert week.materialize().counts == {"failed": 1, "succeeded": 6}
    week.write("mended", "")
    assert week.ran(week.materialize()) == ["staged@2024-01-29"]


def test_a_query_in_a_file_can_be_batched_and_can_read_the_slot_before(week: Desk) -> None:
    week.define(RAW)
    partitions = 'partitions = {every = "day", start = "2024-01-28", end = "2024-02-04"}\npartition_by = "day"'
    week.write("sql/sums.sql", f"/* headwater\n{partitions}\nrun = {{batch = 'week'}}\n*/\n"
               "select day, sum(x)::bigint as x from raw group by day")  # fmt: skip
    week.write("sql/totals.sql", f"/* headwater\n{partitions}\nprevious = 'before'\n"
               "schema = {day = 'Date', x = 'Int64'}\n*/\n"
               "select day, (x + coalesce((select max(x) from before), 0))::bigint as x from sums")  # fmt: skip
    week.edit("headwater.toml", 'modules = ["definitions"]', 'modules = ["definitions"]\nsql = ["sql"]')
    assert [len(one) for one in week.plan().batches] == [6]
    assert week.materialize().counts == {"succeeded": 14}
    assert [row["x"] for row in week.rows("totals")] == [3, 15, 36, 66, 105, 153, 210]
