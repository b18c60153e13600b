"""What ``Run`` and ``Retry`` promise of a step is carried out: timeouts, pools, memory, order, fail-fast, pauses."""

from __future__ import annotations

import time

import pytest

from assets_core.errors import DefinitionError, HeadwaterError
from assets_core.plan import Step
from assets_core.ports import Reporter
from assets_core.records import StepError
from headwater import config
from tests.child import run
from tests.desk import Desk

MEET = """
import pathlib, threading, time
from headwater import Retry, Run
_lock = threading.Lock()
_now = most = 0

def meet():
    global _now, most
    with _lock:
        _now += 1
        most = max(most, _now)
    time.sleep(0.1)
    with _lock:
        _now -= 1
"""


def test_an_attempt_that_takes_too_long_is_abandoned_and_what_it_staged_is_removed(desk: Desk) -> None:
    desk.define(
        MEET
        + """
        @asset(run=Run(timeout_seconds=0.2, retry=Retry(attempts=3)))
        def slow() -> pl.DataFrame:
            time.sleep(1.0)
            return pl.DataFrame({"a": [1]})

        @asset
        def quick() -> pl.DataFrame:
            time.sleep(1.5)
            return pl.DataFrame({"a": [1]})

        @asset
        def behind(slow: pl.LazyFrame) -> pl.LazyFrame:
            return slow
        """.replace("\n        ", "\n")
    )
    result = desk.materialize(workers=1)
    assert {str(one.slot): str(one.state) for one in result.steps} == {
        "slow": "abandoned", "behind": "upstream_failed", "quick": "succeeded",
    }  # fmt: skip
    (slow,) = [one for one in result.steps if one.slot.asset == "slow"]
    assert (slow.attempts, slow.error and slow.error.code, result.ok) == (1, "HW520", False)
    data = [path for path in (desk.root / ".headwater" / "data").rglob("*.parquet") if not path.is_symlink()]
    assert [path.parent.name for path in data] == ["quick"]


@pytest.mark.parametrize(
    "waits",
    [
        "concurrent.futures.ThreadPoolExecutor().submit(time.sleep, 20).result()",
        'multiprocessing.get_context("spawn").Process(target=time.sleep, args=(20,)).start(), time.sleep(20)',
    ],
)
def test_a_run_ends_although_an_attempt_that_was_given_up_goes_on(desk: Desk, waits: str) -> None:
    desk.define(
        f"""
        import concurrent.futures, multiprocessing, time
        @asset(run=Run(timeout_seconds=0.5))
        def slow() -> pl.DataFrame:
            {waits}
            return pl.DataFrame({{"a": [1]}})
        """
    )
    child = run(desk.root, "materialize")
    child.wait_for("ended")
    assert child.process.wait(10.0) == 1
    assert desk.project.catalog.neighbours("dev", "none", 0).claimed == {}


class _Pauses(Reporter):
    def __init__(self) -> None:
        self.waits: list[float] = []

    def retrying(self, step: Step, error: StepError, wait_seconds: float) -> None:
        self.waits.append(wait_seconds)


def test_a_failing_step_is_tried_again_after_pauses_that_double_up_to_a_bound(desk: Desk) -> None:
    desk.define(
        MEET
        + """
@asset(run=Run(retry=Retry(attempts=5, wait_seconds=0.02, max_wait_seconds=0.05, jitter=0.0, on=(OSError,))))
def flaky() -> pl.DataFrame:
    raise OSError("not yet")
"""
    )
    told = _Pauses()
    result = desk.materialize(reporter=told)
    assert [str(one.state) for one in result.steps] == ["failed"]
    assert (result.steps[0].attempts, told.waits) == (5, [0.02, 0.04, 0.05, 0.05])
    assert len(result.steps[0].logs) == 5


@pytest.mark.parametrize(("words", "toml"), [('pool="warehouse"', "[pools]\nwarehouse = 1\n"),
                                             ('memory="6GB"', '[run]\nmemory = "10GB"\n')])  # fmt: skip
def test_steps_that_share_what_is_scarce_do_not_run_together(desk: Desk, words: str, toml: str) -> None:
    desk.write("headwater.toml", f'[project]\nname = "desk"\nmodules = ["definitions"]\n{toml}')
    desk.define(
        MEET
        + f"""
def make(n):
    @asset(key=f"a{{n}}", volatile=True, run=Run({words}))
    def one() -> pl.DataFrame:
        meet()
        return pl.DataFrame({{"most": [most]}})

for n in range(4):
    make(n)
"""
    )
    assert desk.materialize(workers=4).counts == {"succeeded": 4}
    assert max(row["most"] for n in range(4) for row in desk.rows(f"a{n}")) == 1  # type: ignore[type-var]


def test_a_pool_is_shared_by_all_runs_of_a_project(desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[pools]\nwarehouse = 1\n')
    desk.define(
        MEET
        + """
HERE = pathlib.Path(__file__).parent

@asset(run=Run(pool="warehouse"))
def a() -> pl.DataFrame:
    while not (HERE / "go").exists():
        time.sleep(0.01)
    return pl.DataFrame({"a": [1]})

@asset(run=Run(pool="warehouse"))
def b() -> pl.DataFrame:
    return pl.DataFrame({"there": [(HERE / "go").exists()]})
"""
    )
    first = run(desk.root, "materialize", "a")
    first.wait_for("started")
    second = run(desk.root, "materialize", "b")
    second.wait_for("planned")
    time.sleep(1.0)
    assert second.events("started") == []
    desk.write("go", "")
    first.document()
    assert second.document()["counts"] == {"succeeded": 1}
    assert desk.rows("b") == [{"there": True}]


def test_a_place_in_a_pool_is_free_when_its_run_is_gone_in_whichever_environment_that_was(desk: Desk) -> None:
    toml = '[project]\nname = "desk"\nmodules = ["definitions"]\n[pools]\nwarehouse = 1\n[env.prod]\n'
    desk.write("headwater.toml", toml)
    desk.define(
        MEET
        + """
@asset(run=Run(pool="warehouse"))
def a() -> pl.DataFrame:
    while not (pathlib.Path(__file__).parent / "go").exists():
        time.sleep(0.01)
    return pl.DataFrame({"a": [1]})
"""
    )
    killed = run(desk.root, "--env", "prod", "materialize")
    killed.wait_for("started")
    killed.process.kill()
    killed.ended(status=None)
    desk.write("go", "")
    document = run(desk.root, "materialize").document()
    assert document["counts"] == {"succeeded": 1}
    assert "headwater --env prod runs resume" in str(document["warnings"])


def test_a_pool_without_a_size_is_a_definition_error(desk: Desk) -> None:
    desk.define('from headwater import Run\n@asset(run=Run(pool="warehose"))\ndef a() -> pl.DataFrame: ...\n')
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[pools]\nwarehouse = 1\n')
    with pytest.raises(DefinitionError, match="HW195") as caught:
        _ = desk.project
    assert "warehouse" in caught.value.hint


def test_the_memory_at_which_a_process_is_replaced_is_an_amount_too() -> None:
    for written, meant in (("4GB", 4_000_000_000), (4096, 4096)):
        executor = config.parse({"executor": {"recycle_after_bytes": written}}, "").executor
        assert executor.values()["recycle_after_bytes"] == meant
    with pytest.raises(DefinitionError, match="recycle_after_bytes is 'lots', which is no amount of memory"):
        config.parse({"executor": {"recycle_after_bytes": "lots"}}, "")


def test_memory_of_a_run_must_be_an_amount(desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nname = "desk"\n[run]\nmemory = "lots"\n')
    with pytest.raises(HeadwaterError, match="HW193"):
        _ = desk.project


CHAINS = (
    MEET
    + """
def make(key, up, seconds):
    @asset(key=key, inputs={"up": up} if up else {}, volatile=True)
    def one(up: pl.DataFrame = None) -> pl.DataFrame:
        time.sleep(seconds)
        return pl.DataFrame({"a": [1]})

make("one", None, 0.01)
make("two", "one", 0.01)
make("three", "two", 0.01)
make("heavy", None, 0.5)
"""
)


def test_what_most_work_hangs_on_goes_first_as_past_runs_have_shown(desk: Desk) -> None:
    desk.define(CHAINS)
    first, second = ([str(one.slot) for one in desk.materialize(workers=1).steps] for _ in range(2))
    assert first[0] == "one"  # nothing is known yet: the longest chain of steps
    assert second[0] == "heavy"


def test_with_fail_fast_nothing_more_is_begun_after_a_failure(desk: Desk) -> None:
    desk.define(
        MEET
        + """
@asset(run=Run(priority=1))
def bad() -> pl.DataFrame:
    raise ValueError("no")

def make(n):
    @asset(key=f"a{n}")
    def one() -> pl.DataFrame:
        time.sleep(0.2)
        return pl.DataFrame({"a": [1]})

for n in range(8):
    make(n)
"""
    )
    result = desk.materialize(workers=1, fail_fast=True)
    assert result.counts["failed"] == 1
    assert result.counts["cancelled"] >= 5
    assert str(desk.project.runs()[0].state) == "failed"
    assert desk.materialize(workers=1).counts == {"failed": 1, "succeeded": result.counts["cancelled"]}


def test_durability_is_given_up_only_where_headwater_toml_says_so(desk: Desk) -> None:
    def settings() -> tuple[int, bool]:
        with desk.project as project:
            with project.catalog.reading() as connection:
                found = connection.execute("pragma synchronous").fetchone()[0]
            return found, project.tables.storage("default").durable  # type: ignore[attr-defined]

    desk.define("")
    assert settings() == (2, True)
    project = '[project]\nname = "desk"\nmodules = ["definitions"]\ndurability = "relaxed"\n'
    desk.write("headwater.toml", project)
    assert settings() == (1, False)
    own = '[catalog]\ndurability = "full"\n[storage.default]\nkind = "parquet"\npath = "x"\ndurability = "full"\n'
    desk.write("headwater.toml", project + own)
    assert settings() == (2, True)
