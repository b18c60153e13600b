"""How a run went, its progress, and the results of checks."""

from __future__ import annotations

import io
import json

import pytest

from assets_core.check import CheckResult, Severity
from assets_core.keys import Slot
from assets_core.partitions import Daily, Partitions
from assets_core.plan import Plan, Step
from assets_core.ports import RunResult, StepOutcome
from assets_core.records import StepError
from assets_core.run import StepState
from headwater.live import LiveReporter
from headwater.progress import JsonReporter, PlainReporter, ProgressReporter, reporter_for
from headwater.report.checks import checks_text
from headwater.report.outcome import outcome_text
from headwater.report.style import Style

STYLE = Style()
DAYS = Daily("2013-01-01", "2013-02-01")
ERROR = StepError(
    "HW501",
    "ValueError",
    "bad day\nsecond line",
    'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    raise ValueError\n'
    "ValueError: bad day\nsecond line\n",
)
WARNS = CheckResult("between(delay)", "between", Severity.WARN, False, 7, "7 of 10 rows", ({"id": 1, "delay": 99.0},))
BLOCKS = CheckResult("unique(id)", "unique", Severity.BLOCKING, False, 2, "2 rows share an id")
PASSES = CheckResult("not_null(id)", "not_null", Severity.BLOCKING, True)


def days(key: str) -> Partitions:
    return DAYS


def outcome(slot: Slot, state: StepState, error: StepError | None = None, *checks: CheckResult) -> StepOutcome:
    return StepOutcome(slot, state, error=error, checks=checks, attempts=1, seconds=0.5, rows=10)


def result(*steps: StepOutcome, ok: bool = False) -> RunResult:
    counts: dict[str, int] = {}
    for step in steps:
        counts[str(step.state)] = counts.get(str(step.state), 0) + 1
    return RunResult("0199-run", "dev", ok, steps, counts, seconds=12.34)


def day(number: int, key: str = "staging/flights") -> Slot:
    return Slot(key, f"2013-01-{number:02d}")


def text(run: RunResult) -> list[str]:
    return outcome_text(run, "flights in dev", STYLE, partitions_of=days).splitlines()


def test_a_run_that_went_well_is_two_lines() -> None:
    steps = [outcome(day(n), StepState.SUCCEEDED) for n in (1, 2)] + [outcome(Slot("m"), StepState.SKIPPED)]
    assert text(result(*steps, ok=True)) == [
        "flights in dev: run 0199-run succeeded in 12.3 s",
        "  2 succeeded, 1 skipped",
    ]


def test_slots_that_failed_alike_are_told_once_with_the_users_frame() -> None:
    steps = [outcome(day(n), StepState.FAILED, ERROR) for n in (1, 2, 3, 9)]
    assert text(result(*steps))[3:] == [
        "  failed  staging/flights  2013-01-01..2013-01-03, 2013-01-09 (4)",
        "      ValueError: bad day",
        "      second line",
        '        File "a.py", line 3, in f',
        "          raise ValueError",
        "",
        "  headwater runs logs 0199-run  shows what they said",
    ]


def test_what_did_not_run_because_of_others_is_a_line_an_asset() -> None:
    steps = [outcome(day(n), StepState.UPSTREAM_FAILED) for n in (1, 2)]
    assert "  upstream_failed  staging/flights  2  2013-01-01..2013-01-02" in text(result(*steps))


def test_blocking_checks_and_warnings_are_a_line_a_check() -> None:
    blocked = outcome(Slot("m"), StepState.BLOCKED, None, BLOCKS, PASSES)
    warned = [outcome(day(n), StepState.SUCCEEDED, None, WARNS) for n in (1, 2)]
    lines = text(result(blocked, *warned))
    assert "  blocked  m  2 rows  unique(id)" in lines
    assert "  warn  staging/flights  2 slots  14 rows  between(delay)" in lines


def test_nothing_to_do_is_one_line() -> None:
    assert text(RunResult(None, "dev", True)) == ["flights in dev: nothing to do, everything selected is fresh"]


def test_checks_are_a_line_each_with_a_sample_of_what_breaks_them() -> None:
    lines = checks_text({Slot("m"): (PASSES, WARNS)}, "flights in dev", STYLE).splitlines()
    assert lines == [
        "flights in dev: 2 check results, 1 passed, 1 warned, 0 failed",
        "",
        "          asset  check           rows",
        "  passed  m      not_null(id)",
        "  warn    m      between(delay)     7",
        "      7 of 10 rows",
        "        id=1, delay=99.0",
    ]


PLAN = Plan((*(Step((day(n),), ()) for n in (1, 2, 3)), Step((Slot("m"),), ())))


def carried_out(reporter: ProgressReporter) -> None:
    """Three days and a mart; the second day fails, and so the mart does not run."""
    reporter.planned(PLAN, "0199-run")
    ends = (StepState.SUCCEEDED, StepState.FAILED, StepState.SUCCEEDED)
    for step, state in zip(PLAN.steps, ends, strict=False):
        reporter.started(step, 1)
        reporter.settled(outcome(step.slot, state, ERROR if state is StepState.FAILED else None))
    reporter.settled(StepOutcome(Slot("m"), StepState.UPSTREAM_FAILED))
    reporter.ended(result())
    reporter.close()


def test_plain_progress_is_a_line_an_asset_and_one_for_each_failure() -> None:
    stream = io.StringIO()
    carried_out(PlainReporter(stream, Style(width=None)))
    assert stream.getvalue().splitlines() == [
        "  run 0199-run: 4 steps, 2 assets",
        "  failed      staging/flights@2013-01-02  ValueError: bad day",
        "  failed      staging/flights  1 of 3 slots      0 ms",
    ]


def test_verbose_progress_is_a_line_a_slot() -> None:
    stream = io.StringIO()
    carried_out(PlainReporter(stream, Style(width=None), verbose=True))
    assert [line.split()[:2] for line in stream.getvalue().splitlines()[1:5]] == [
        ["succeeded", "staging/flights@2013-01-01"],
        ["failed", "staging/flights@2013-01-02"],
        ["succeeded", "staging/flights@2013-01-03"],
        ["failed", "staging/flights"],
    ]


def test_progress_as_json_is_an_object_a_line() -> None:
    stream = io.StringIO()
    carried_out(JsonReporter(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["planned", *["started", "settled"] * 3, "settled", "ended"]
    assert events[4]["error"]["message"] == "bad day\nsecond line"


def test_the_live_display_leaves_only_its_lines_behind() -> None:
    stream = io.StringIO()
    carried_out(LiveReporter(stream, STYLE))
    kept = [line for line in stream.getvalue().splitlines() if line.startswith("  failed")]
    assert [line.split()[1] for line in kept] == ["staging/flights@2013-01-02", "staging/flights"]


def test_the_live_display_may_be_closed_in_the_middle_and_twice() -> None:
    reporter = LiveReporter(io.StringIO(), STYLE)
    reporter.planned(PLAN, "0199-run")
    reporter.started(PLAN.steps[0], 1)
    reporter.close()
    reporter.close()
    assert reporter.tally.assets["staging/flights"].running == 1


class Closed(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_progress_that_nobody_reads_stops_no_run() -> None:
    reporter = PlainReporter(Closed(), STYLE)
    carried_out(reporter)
    assert reporter.tally.done == 4


@pytest.mark.parametrize(
    ("mode", "quiet", "kind"),
    [
        ("auto", False, PlainReporter),
        ("plain", False, PlainReporter),
        ("live", False, LiveReporter),
        ("json", True, JsonReporter),
        ("none", False, ProgressReporter),
        ("auto", True, ProgressReporter),
    ],
)
def test_the_reporter_suits_the_stream_and_what_was_asked(mode: str, quiet: bool, kind: type) -> None:
    assert type(reporter_for(mode, io.StringIO(), quiet=quiet)) is kind
