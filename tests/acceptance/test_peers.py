"""What other tools get wrong, one test a case: each stands for a row of the table in docs/coming-from.md."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.desk import Desk

CHAIN = """
import helpers

orders_csv = source("raw/order_lines", files="orders.csv")

@asset(key="staging/orders", inputs={"raw": orders_csv})
def orders(raw: pl.LazyFrame) -> pl.LazyFrame:
    # keeps what was paid
    return helpers.paid(raw).select("id", "country", "amount", net=pl.col("amount") * 0.5)

@asset(key="marts/by_country")
def by_country(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.group_by("country").agg(pl.col("net").sum())

@asset(key="marts/big")
def big(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.filter(pl.col("amount") > 15).select("id")

sql_asset("marts/count", '''select country, count(*) as n from staging.orders group by country''')
"""
HELPERS = """
import polars as pl

def paid(frame):
    return frame.filter(pl.col("amount") > 0)
"""
ORDERS = "id,country,amount,note\n1,DE,10,a\n2,FR,20,b\n3,DE,30,c\n"


@pytest.fixture
def built(desk: Desk) -> Desk:
    """A source, a staging table and three marts, all fresh."""
    desk.write("orders.csv", ORDERS)
    desk.write("helpers.py", HELPERS)
    desk.define(CHAIN)
    assert desk.materialize().ok
    return desk


def test_function_body_changed_and_no_version_string_bumped(built: Desk) -> None:
    built.edit("definitions.py", "> 15", "> 25")
    plan = built.plan()
    assert built.reasons(plan) == {"marts/big": ["code_changed"]}
    assert "code of marts/big changed" in built.messages(plan)["marts/big"]


def test_an_imported_helper_function_changed(built: Desk) -> None:
    built.edit("helpers.py", "> 0", "> 15")
    message = built.messages(built.plan())["staging/orders"]
    assert "paid in helpers.py" in message
    assert built.ran(built.materialize())[0] == "staging/orders"


def test_a_query_in_the_place_of_a_function_and_the_other_way_about(desk: Desk) -> None:
    python = '@asset(key="m")\ndef m(raw: pl.LazyFrame) -> pl.LazyFrame:\n    return raw.select("id")\n'
    query = 'sql_asset("m", "select id from raw")\n'
    desk.write("raw.csv", "id,a\n1,10\n")
    for before, after, said in ((python, query, "it is SQL now and was Python"), (query, python, "it is Python now")):
        desk.define('source("raw", files="raw.csv")\n' + before)
        desk.materialize()
        desk.define('source("raw", files="raw.csv")\n' + after)
        assert said in desk.messages(desk.plan())["m"]


def test_comment_formatting_or_docstring_changed(built: Desk) -> None:
    built.edit("definitions.py", "    # keeps what was paid\n", '    """Paid orders."""\n\n    # another comment\n')
    built.edit("definitions.py", 'select("id", "country", "amount",', 'select(\n        "id", "country", "amount",')
    built.edit("definitions.py", "select country, count(*) as n", "SELECT country,\n count( * ) AS n -- rows\n")
    assert built.plan().steps == ()


def test_helper_refactored_into_the_same_logical_plan(built: Desk) -> None:
    built.write(
        "helpers.py",
        """
        import polars as pl

        def _positive(column):
            return pl.col(column) > 0

        def paid(table):
            kept = table.filter(_positive("amount"))
            return kept
        """,
    )
    assert built.plan().steps == ()


def test_result_of_a_root_recomputed_with_equal_content(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def root() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2], "v": [1, 2]}).with_columns(v=pl.col("v") * 2)

        @asset(key="b")
        def below(a: pl.DataFrame) -> pl.DataFrame:
            return a.with_columns(w=pl.col("v") + 1)

        @asset(key="c")
        def far_below(b: pl.LazyFrame) -> pl.LazyFrame:
            return b.select("w")
        """
    )
    assert desk.materialize().counts == {"succeeded": 3}
    desk.edit("definitions.py", 'pl.col("v") * 2', '2 * pl.col("v")')
    result = desk.materialize()
    assert desk.ran(result) == ["a"]
    assert {str(one.slot): one.state for one in result.steps} == {"a": "succeeded", "b": "skipped", "c": "skipped"}


def test_a_column_changed_that_nobody_downstream_reads(desk: Desk) -> None:
    desk.write("orders.csv", ORDERS)
    desk.define(
        """
        raw = source("raw/order_lines", files="orders.csv")

        @asset(key="staging/orders", inputs={"raw": raw})
        def orders(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw.with_columns(comment=pl.lit("x"))

        @asset(key="marts/sum")
        def total(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders.select(pl.col("amount").sum())

        sql_asset("marts/by_country", "select country, max(amount) as m from staging.orders group by country")
        """
    )
    desk.materialize()
    desk.edit("definitions.py", 'pl.lit("x")', 'pl.lit("y")')
    assert desk.ran(desk.materialize()) == ["staging/orders"]
    assert desk.plan().steps == ()


@pytest.mark.parametrize(
    "reader",
    [
        'orders.filter(pl.col("note") == "a").select("id")',
        'orders.join(notes, left_on="note", right_on="key").select("id")',
        'orders.sort("note").head(2).select("id")',
        'orders.unique("note", keep="any").select(pl.len())',
        'orders.select(pl.when(pl.col("note") == "a").then(pl.col("amount")).otherwise(0))',
    ],
    ids=["filter", "join key", "sort and head", "unique", "condition"],
)
def test_a_column_changed_that_is_read_only_to_decide(desk: Desk, reader: str) -> None:
    desk.define(
        f"""
        @asset(key="orders")
        def orders() -> pl.DataFrame:
            return pl.DataFrame({{"id": [1, 2, 3], "amount": [10, 20, 30], "note": ["a", "b", "c"]}})

        @asset(key="notes")
        def notes() -> pl.DataFrame:
            return pl.DataFrame({{"key": ["a", "b"]}})

        @asset(key="reader")
        def reader(orders: pl.LazyFrame, notes: pl.LazyFrame) -> pl.LazyFrame:
            return {reader}
        """
    )
    desk.materialize()
    desk.edit("definitions.py", '["a", "b", "c"]', '["b", "a", "d"]')
    assert "reader" in desk.ran(desk.materialize())


def test_a_sql_column_changed_that_is_read_only_to_decide(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="orders")
        def orders() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2, 3], "note": ["a", "b", "c"]})

        sql_asset("reader", "select id from orders where note = 'a'")
        """
    )
    desk.materialize()
    desk.edit("definitions.py", '["a", "b", "c"]', '["b", "a", "d"]')
    assert desk.ran(desk.materialize()) == ["orders", "reader"]
    assert desk.rows("reader") == [{"id": 2}]


def test_a_source_file_patched_in_place_under_its_name(built: Desk) -> None:
    path = built.root / "orders.csv"
    before = path.stat()
    path.write_text(ORDERS.replace("30", "31"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert built.reasons(built.plan())["staging/orders"] == ["input_changed"]


def test_a_source_touched_with_the_same_bytes(built: Desk) -> None:
    path = built.root / "orders.csv"
    path.write_text(ORDERS, encoding="utf-8")
    os.utime(path, (1, 1))
    assert built.plan().steps == ()


def test_a_stored_output_deleted_by_hand(built: Desk) -> None:
    stored = _stored(built, "marts/big")
    stored.unlink()
    assert built.reasons(built.plan()) == {"marts/big": ["output_missing"]}
    assert built.ran(built.materialize()) == ["marts/big"]


def test_a_stored_output_tampered_with_is_reported_by_verify(built: Desk) -> None:
    stored = _stored(built, "marts/big")
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(data)
    report = built.project.verify()
    assert not report.ok
    assert any("marts/big" in f"{finding.what} {finding.where}" for finding in report.findings)


def test_everything_below_a_stale_asset_is_stale_each_with_its_reasons(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 2], "v": [1, 2]})

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.select("id", pl.col("v") > 0)

        @asset(key="c")
        def c(b: pl.LazyFrame) -> pl.LazyFrame:
            return b.select("v")
        """
    )
    desk.materialize()
    desk.edit("definitions.py", '"v": [1, 2]', '"v": [1, 3]')
    status = {str(slot): [str(one.code) for one in found.reasons] for slot, found in desk.project.status().items()}
    assert status == {"a": ["code_changed"], "b": ["upstream_stale"], "c": ["upstream_stale"]}
    states = {str(one.slot): str(one.state) for one in desk.materialize().steps}
    assert states == {"a": "succeeded", "b": "succeeded", "c": "skipped"}


def test_back_to_the_code_of_yesterday(built: Desk) -> None:
    before = built.rows("marts/by_country")
    built.edit("helpers.py", "> 0", "> 15")
    assert built.materialize().counts["succeeded"] > 0
    assert built.rows("marts/by_country") != before
    built.edit("helpers.py", "> 15", "> 0")
    result = built.materialize()
    assert "succeeded" not in result.counts
    assert built.rows("marts/by_country") == before


def test_a_run_that_failed_half_way_and_then_the_code_is_fixed(built: Desk) -> None:
    built.edit(
        "definitions.py", '    return orders.filter(pl.col("amount") > 15).select("id")', "    raise ValueError(1)"
    )
    built.edit("helpers.py", "> 0", "> 5")
    result = built.materialize()
    states = {str(one.slot): str(one.state) for one in result.steps}
    assert not result.ok
    assert states["marts/big"] == "failed"
    built.edit(
        "definitions.py", "    raise ValueError(1)", '    return orders.filter(pl.col("amount") > 25).select("id")'
    )
    assert list(built.reasons(built.plan())) == ["marts/big"]


def test_killed_in_the_middle_of_a_run(desk: Desk) -> None:
    desk.define(
        """
        import time
        def make(n):
            @asset(key=f"a{n}")
            def one() -> pl.DataFrame:
                time.sleep(0.1)
                return pl.DataFrame({"id": [n]})
        for n in range(20):
            make(n)
        """
    )
    code = "import sys; from headwater import Project; Project.load(sys.argv[1]).materialize(workers=1)"
    child = subprocess.Popen([sys.executable, "-c", code, str(desk.root)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(desk.root.glob(".headwater/data/a*/*.parquet"))) < 3:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = {str(step.slot) for step in desk.plan().steps}
    assert 0 < len(left) < 20
    result = desk.materialize()
    assert "abandoned" in [str(run.state) for run in desk.project.runs()]
    assert any("was cut off" in warning for warning in result.warnings)
    assert {str(one.slot) for one in result.steps} == left
    assert desk.project.verify().ok


def test_a_failing_blocking_check_leaves_the_old_data_published(built: Desk) -> None:
    before = built.rows("marts/big")
    built.edit("definitions.py", '@asset(key="marts/big")', '@asset(key="marts/big", checks=[check.row_count(3)])')
    built.edit("definitions.py", "> 15", "> 25")
    result = built.materialize()
    assert {str(one.slot): str(one.state) for one in result.steps} == {"marts/big": "blocked"}
    assert not result.ok
    assert built.rows("marts/big") == before
    assert [str(found.state) for slot, found in built.project.status().items() if slot.asset == "marts/big"] == [
        "blocked"
    ]


def test_a_relaxed_check_publishes_what_was_set_aside_without_computing(built: Desk) -> None:
    built.edit("definitions.py", '@asset(key="marts/big")', '@asset(key="marts/big", checks=[check.row_count(3)])')
    built.edit("definitions.py", "> 15", "> 25")
    built.materialize()
    built.edit("definitions.py", "check.row_count(3)", "check.row_count(1)")
    built.edit("definitions.py", "def big(", "def big_orders(")
    assert built.materialize().counts == {"reused": 1}
    assert built.rows("marts/big") == [{"id": 3}]


def test_a_second_run_beside_a_live_one_is_refused_clearly_where_that_is_asked_for(desk: Desk) -> None:
    desk.define(
        """
        import pathlib, time
        @asset(key="slow")
        def slow() -> pl.DataFrame:
            while not (pathlib.Path(__file__).parent / "go").exists():
                time.sleep(0.02)
            return pl.DataFrame({"id": [1]})
        """
    )
    code = "import sys; from headwater import Project; Project.load(sys.argv[1]).materialize()"
    child = subprocess.Popen([sys.executable, "-c", code, str(desk.root)], cwd=Path(__file__).parents[2])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not desk.project.runs():
            time.sleep(0.02)
        with pytest.raises(Exception, match="is at work in dev") as refused:
            desk.materialize(if_busy="fail")
        assert getattr(refused.value, "exit_status", None) == 3
    finally:
        desk.write("go", "")
        assert child.wait() == 0
    assert desk.rows("slow") == [{"id": 1}]


DAYS = """
days = Daily("2024-01-01", "2024-01-05")
lines = source("raw/lines", files="lines.csv", partitions=days, partition_by="day", try_parse_dates=True)

@asset(key="staging/lines", inputs={"raw": lines}, partitions=days, partition_by="day", unique_key=["id"])
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(double=pl.col("v") * 2)
"""


def test_a_partitioned_asset_after_a_code_change(desk: Desk) -> None:
    desk.write("lines.csv", "id,day,v\n" + "".join(f"{n},2024-01-0{n % 4 + 1},{n}\n" for n in range(12)))
    desk.define(DAYS)
    assert desk.materialize().counts == {"succeeded": 4}
    desk.edit("definitions.py", "* 2", "* 3")
    plan = desk.plan()
    assert list(desk.reasons(plan)) == [f"staging/lines@2024-01-0{n}" for n in range(1, 5)]
    assert len(set(desk.messages(plan).values())) == 1


def test_a_late_change_to_one_day_of_a_source(desk: Desk) -> None:
    text = "id,day,v\n" + "".join(f"{n},2024-01-0{n % 4 + 1},{n}\n" for n in range(12))
    desk.write("lines.csv", text)
    desk.define(DAYS)
    desk.materialize()
    desk.write("lines.csv", text.replace("5,2024-01-02,5", "5,2024-01-02,50"))
    assert desk.ran(desk.materialize()) == ["staging/lines@2024-01-02"]


def test_who_ran_what_with_which_inputs_and_check_results(built: Desk) -> None:
    os.environ["HEADWATER_ACTOR"] = "night shift"
    try:
        built.edit("definitions.py", '@asset(key="marts/big")', '@asset(key="marts/big", checks=[check.unique("id")])')
        built.materialize(command="headwater materialize", force=True)
    finally:
        del os.environ["HEADWATER_ACTOR"]
    text = str(built.project.manifest("marts/big"))
    upstream = built.project.catalog.published("dev", assets={"staging/orders"})
    for fact in ("night shift", "headwater materialize", "unique(id)", next(iter(upstream.values())).id):
        assert fact in text
    assert built.project.verify().ok


def test_column_lineage_of_python_code(built: Desk) -> None:
    upstream = built.project.lineage("marts/by_country").upstream("net")
    named = {str(one) for one in upstream}
    assert {
        "staging/orders:net",
        "staging/orders:country",
        "raw/order_lines:amount",
        "raw/order_lines:country",
    } <= named
    assert "raw/order_lines:note" not in named


def _stored(desk: Desk, asset: str) -> Path:
    made = next(iter(desk.project.catalog.published("dev", assets={asset}).values()))
    assert made.stored is not None
    return next(desk.root.rglob(f"{made.id}.parquet"))
