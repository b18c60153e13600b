"""What every executor must do, whichever way it carries attempts out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assets_core.records import StepResult
from headwater import Project
from materializers.capture import capturing_streams
from materializers.executors.options import ExecutorOptions
from tests.materializers.executor_bench import Bench, desk, every_kind, isolated_kinds, write_project
from tests.materializers.executor_projects import BATCHES, NASTY, PROJECT


def error_code(result: StepResult) -> str:
    return "" if result.error is None else result.error.code


# -- results ----------------------------------------------------------------------------------------------------------


def whole_run(
    root: Path,
    options: ExecutorOptions,
    definitions: str = PROJECT,
    rows: str = "id,value\n" + "".join(f"{n},{n / 3}\n" for n in range(100)),
) -> dict[str, object]:
    """Everything that a run leaves behind and that does not depend on when and by whom it was carried out."""
    settings = f'[executor]\nkind = "{options.kind}"\nworkers = 2\naddress = "{options.address}"\n'
    write_project(root, definitions, settings)
    (root / "rows.csv").write_text(rows, encoding="utf-8")
    with Project.load(root) as project:
        result = project.materialize()
        warnings = sorted(one for one in result.warnings if "slot by slot" in one)
        shown = project.catalog.published(project.env)
        records = {
            str(slot): (
                made.version, made.recipe and made.recipe.id, made.lineage, made.schema, made.metadata, made.checks,
                made.stored and made.stored.digest,
            )
            for slot, made in shown.items()
        }  # fmt: skip
        records = {key: value for key, value in records.items() if not key.startswith("raw/")}
        return {"counts": result.counts, "records": records, "warnings": warnings, "verified": project.verify().ok}


@every_kind
def test_a_run_gives_what_threads_give(tmp_path: Path, options: ExecutorOptions) -> None:
    by_threads = whole_run(tmp_path / "threads", ExecutorOptions())

    found = whole_run(tmp_path / "other", options)

    assert found["counts"] == {"succeeded": 4, "blocked": 1}
    assert found["verified"]
    assert found == by_threads


@every_kind
def test_a_batch_gives_what_it_gives_on_threads_also_where_one_slot_is_computed_alone_to_compare(
    tmp_path: Path, options: ExecutorOptions
) -> None:
    rows = "id,day,value\n" + "".join(f"{n},2024-01-0{1 + n % 6},{n / 3}\n" for n in range(60))
    by_threads = whole_run(tmp_path / "threads", ExecutorOptions(), BATCHES, rows)

    found = whole_run(tmp_path / "other", options, BATCHES, rows)

    assert found["counts"] == {"succeeded": 18}
    assert "differs is computed slot by slot" in str(found["warnings"])
    assert "compared is" not in str(found["warnings"])
    assert found["verified"]
    assert found == by_threads


@every_kind
def test_a_run_goes_on_after_steps_that_failed(tmp_path: Path, options: ExecutorOptions) -> None:
    settings = f'[executor]\nkind = "{options.kind}"\nworkers = 2\naddress = "{options.address}"\n'
    write_project(
        tmp_path,
        """
        @asset
        def broken() -> pl.DataFrame:
            raise ValueError("no")

        @asset(inputs={"broken": "broken"})
        def below(broken: pl.DataFrame) -> pl.DataFrame:
            return broken

        @asset
        def sound() -> pl.DataFrame:
            return pl.DataFrame({"n": [1]})
        """,
        settings,
    )
    with Project.load(tmp_path) as project:
        result = project.materialize()

    assert result.counts == {"failed": 1, "upstream_failed": 1, "succeeded": 1}


# -- what a user's function does --------------------------------------------------------------------------------------


@every_kind
def test_an_exception_comes_back_with_its_traceback_from_the_users_frame_on(nasty: Bench) -> None:
    error = nasty.attempt("raises").error

    assert error is not None
    assert (error.code, error.type, error.message) == ("HW501", "KeyError", "'nothing here'")
    frames = [line for line in error.traceback.splitlines() if "File " in line]
    assert [line.rpartition(" ")[2] for line in frames] == ["raises", "deeper"]
    assert "return deeper(secret)" in error.traceback


@every_kind
@pytest.mark.parametrize(
    ("key", "code", "kind"),
    [("exits", "HW501", "SystemExit"), ("base", "HW501", "Odd"), ("wrong_type", "HW332", "DataError")],
)
def test_whatever_a_function_does_fails_its_attempt_alone(nasty: Bench, key: str, code: str, kind: str) -> None:
    error = nasty.attempt(key).error
    after = nasty.attempt("sound")

    assert error is not None
    assert (error.code, error.type) == (code, kind)
    assert after.error is None


@every_kind
def test_only_the_process_that_was_asked_stores_what_a_function_gives_that_forks(nasty: Bench) -> None:
    result = nasty.attempt("forks")
    files = nasty.stored_files("forks")

    assert result.error is None
    assert len(files) == 1
    assert nasty.project.tables.scan(result.made).collect()["n"].to_list() == [1]


@every_kind
def test_a_child_that_a_function_leaves_behind_delays_nothing(nasty: Bench) -> None:
    began = time.monotonic()
    result = nasty.attempt("forks_and_leaves")
    after = nasty.attempt("sound")

    assert result.error is None
    assert after.error is None
    assert time.monotonic() - began < 50


@every_kind
def test_what_an_attempt_prints_and_logs_is_kept_with_it(nasty: Bench) -> None:
    with capturing_streams():
        nasty.submit("talks")
        nasty.submit("sound")
        results = nasty.results(2)

    assert results["talks"].log.output == "printed\nto stderr\nWARNING mine: logged\n"
    assert results["sound"].log.output == ""


@every_kind
def test_megabytes_of_output_are_kept_in_part(nasty: Bench) -> None:
    with capturing_streams():
        result = nasty.attempt("shouts")

    assert result.error is None
    assert len(result.log.output) < 70_000
    assert "characters left out" in result.log.output
    assert result.log.output.endswith("the end\n")


@every_kind
def test_inputs_that_a_function_changes_are_changed_for_nobody_else(tmp_path: Path, options: ExecutorOptions) -> None:
    settings = f'[executor]\nkind = "{options.kind}"\nworkers = 2\naddress = "{options.address}"\n'
    write_project(
        tmp_path,
        """
        @asset
        def numbers() -> pl.DataFrame:
            return pl.DataFrame({"n": [1, 2, 3]})

        @asset(inputs={"numbers": "numbers"})
        def greedy(numbers: pl.DataFrame) -> pl.DataFrame:
            numbers[0, "n"] = 100
            numbers.insert_column(0, pl.Series("m", [0, 0, 0]))
            return numbers

        @asset(inputs={"numbers": "numbers", "greedy": "greedy"})
        def later(numbers: pl.DataFrame, greedy: pl.DataFrame) -> pl.DataFrame:
            return numbers.with_columns(before=greedy["n"])
        """,
        settings,
    )
    with Project.load(tmp_path) as project:
        assert project.materialize().ok
        assert project.scan("numbers").collect()["n"].to_list() == [1, 2, 3]
        assert project.scan("later").collect().to_dict(as_series=False) == {"n": [1, 2, 3], "before": [100, 2, 3]}
        assert project.verify().ok


@every_kind
def test_only_an_exception_that_retry_names_is_worth_another_try(nasty: Bench) -> None:
    assert nasty.attempt("retried").worth_another_try
    assert not nasty.attempt("base").worth_another_try


@every_kind
def test_an_attempt_stores_under_an_id_of_its_own(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, NASTY, options) as made:
        ids = [made.attempt("sound").made[0].id for _ in range(3)]

        assert len(set(ids)) == 3
        assert [file.stem for file in made.stored_files("sound")] == sorted(ids)


# -- time and cancelling ----------------------------------------------------------------------------------------------


@every_kind
def test_an_attempt_that_takes_too_long_comes_back_in_time(nasty: Bench, options: ExecutorOptions) -> None:
    nasty.attempt("sound")
    began = time.monotonic()
    result = nasty.attempt("sleeps", timeout_seconds=1.0)
    seconds = time.monotonic() - began
    after = nasty.attempt("sound")

    error = result.error
    assert error is not None
    assert (error.code, error.type) == ("HW520", "TimeoutError")
    assert result.given_up == (options.kind == "threads")
    assert "1 seconds" in error.message
    assert seconds < 30
    assert after.error is None


@isolated_kinds
def test_an_attempt_that_took_too_long_is_really_ended_and_its_words_are_kept(
    tmp_path: Path, options: ExecutorOptions
) -> None:
    with desk(tmp_path, NASTY.replace("sleep(60)", "sleep(5)"), options) as made:
        result = made.attempt("sleeps", timeout_seconds=1.0)
        time.sleep(6)

    assert result.log.output == "going to sleep\n"
    assert (tmp_path / "began").exists()
    assert not (tmp_path / "woke").exists()


@every_kind
def test_time_spent_waiting_for_a_worker_does_not_count(tmp_path: Path, options: ExecutorOptions) -> None:
    slow = "".join(
        f"""
@asset(key="slow/{number}")
def slow_{number}() -> pl.DataFrame:
    time.sleep(3)
    return pl.DataFrame({{"n": [1]}})
"""
        for number in range(4)
    )
    with desk(tmp_path, slow, options) as made:
        for number in range(4):
            made.submit(f"slow/{number}", timeout_seconds=5.0)
        results = made.results(4)

    assert [error_code(result) for result in results.values()] == [""] * 4


@isolated_kinds
def test_a_cancelled_attempt_is_ended(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, NASTY.replace("sleep(60)", "sleep(8)"), options) as made:
        place = made.submit("sleeps")
        _until((tmp_path / "began").exists)
        ended = made.executor.cancel(place)
        after = made.attempt("sound")
        time.sleep(8)
        more = made.executor.wait(0.1)

    assert ended
    assert after.error is None
    assert more == []
    assert not (tmp_path / "woke").exists()


def test_a_cancelled_thread_can_only_be_given_up_and_takes_up_no_post(tmp_path: Path) -> None:
    with desk(tmp_path, NASTY.replace("sleep(60)", "sleep(3)"), ExecutorOptions(workers=1)) as made:
        place = made.submit("sleeps")
        _until((tmp_path / "began").exists)

        assert not made.executor.cancel(place)
        assert made.attempt("sound").error is None
        _until((tmp_path / "woke").exists)
        time.sleep(1)
        assert made.executor.wait(0.1) == []
        assert made.stored_files("sleeps") == []


@every_kind
def test_an_attempt_that_has_not_begun_can_be_taken_back(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, NASTY.replace("1.5", "4"), options) as made:
        made.attempt("sound")
        made.submit("naps")
        made.submit("naps")
        waiting = made.submit("talks")

        assert made.executor.cancel(waiting)
        assert "talks" not in made.results(3, seconds=8)
        assert made.stored_files("talks") == []


@every_kind
def test_only_attempts_that_have_not_begun_are_recalled(tmp_path: Path, options: ExecutorOptions) -> None:
    definitions = NASTY.replace("sleep(60)", "sleep(5)").replace("sleep(1.5)", "sleep(5)")
    with desk(tmp_path, definitions, options) as made:
        made.attempt("sound")
        begun = [made.submit("naps"), made.submit("sleeps")]
        _until((tmp_path / "began").exists)
        time.sleep(1)
        waiting = [made.submit("talks"), made.submit("sound")]

        assert set(made.executor.recall([*begun, *waiting])) == set(waiting)
        assert set(made.results(3, seconds=8)) == {"naps", "sleeps"}
        assert made.attempt("sound").error is None
        assert made.stored_files("talks") == []


# -- processes that end -----------------------------------------------------------------------------------------------


@isolated_kinds
@pytest.mark.parametrize(
    ("key", "how", "hint"),
    [
        ("dies", "was ended by SIGKILL", "memory runs out"),
        ("crashes", "was ended by SIGSEGV", "compiled code crashed"),
        ("is_told_to_end", "was ended by SIGTERM", "sent it that signal"),
        ("ends_itself", "ended itself with status 7", "os._exit"),
    ],
)
def test_a_worker_that_dies_fails_its_attempt_alone(nasty: Bench, key: str, how: str, hint: str) -> None:
    nasty.submit("naps")
    nasty.submit(key)
    results = nasty.results(2)
    after = [nasty.attempt("sound") for _ in range(3)]

    error = results[key].error
    assert error is not None
    assert error.code == "HW521"
    assert how in error.message
    assert hint in error.hint
    assert results["naps"].error is None
    assert [one.error for one in after] == [None] * 3
    if key == "dies":
        assert results[key].log.output == "last words\n"


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)
