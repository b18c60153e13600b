"""What is shown while a run is under way: nothing, plain lines, JSON lines, or a live display on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from textwrap import indent
from typing import Any, TextIO

from assets_core.check import CheckResult
from assets_core.keys import Slot
from assets_core.plan import Plan, Step
from assets_core.ports import Reporter, RunResult, StepOutcome
from assets_core.records import StepError
from assets_core.run import StepState
from headwater.report.document import encode_line
from headwater.report.outcome import error_document
from headwater.report.style import Style, clean, cut, display_width, is_terminal, style_for, warning_text
from headwater.report.words import counted, number, seconds

MODES = ("auto", "live", "plain", "json", "none")
_HEARTBEAT_SECONDS = 10.0
_NAME_WIDTH = 40
_FACTS_WIDTH = 56
_FAILURES_SHOWN = 5
_WORST_FIRST = (
    StepState.FAILED,
    StepState.ABANDONED,
    StepState.BLOCKED,
    StepState.UPSTREAM_FAILED,
    StepState.UPSTREAM_MISSING,
    StepState.CANCELLED,
    StepState.LEFT,
    StepState.SUCCEEDED,
    StepState.REUSED,
    StepState.SKIPPED,
)
_NEVER_RUN = frozenset({StepState.UPSTREAM_FAILED, StepState.UPSTREAM_MISSING, StepState.CANCELLED, StepState.LEFT})
_FAILED = (StepState.FAILED, StepState.ABANDONED)


class ProgressReporter(Reporter):
    """A reporter that may hold something, a terminal's lines for one, and gives it back on ``close``."""

    def close(self) -> None:
        """Gives everything back; may be called more than once, and after an interruption."""


def reporter_for(mode: str, stream: TextIO, *, quiet: bool = False, verbose: bool = False) -> ProgressReporter:
    """The reporter that suits a stream.

    Arguments:
        mode: one of ``MODES``; ``auto`` is the live display on a terminal and plain lines elsewhere.
        quiet: show nothing, unless programs asked for JSON lines.
        verbose: a line for every slot instead of one for every asset.
    """
    if mode == "json":
        return JsonReporter(stream)
    if quiet or mode == "none":
        return ProgressReporter()
    moving = is_terminal(stream) and os.environ.get("TERM") != "dumb"
    if mode == "live" or (mode == "auto" and moving):
        from headwater.live import LiveReporter

        return LiveReporter(stream, style_for(stream), verbose=verbose)
    return PlainReporter(stream, style_for(stream), verbose=verbose)


@dataclass(slots=True)
class AssetTally:
    """How far one asset is in a run.

    Arguments:
        total: slots that the plan has of it.
        running: its steps that are under way.
        began: when its first attempt started, on the monotonic clock.
    """

    total: int = 0
    states: dict[StepState, int] = field(default_factory=dict)
    running: int = 0
    rows: int = 0
    began: float | None = None
    failures: int = 0
    warned: int = 0

    @property
    def done(self) -> int:
        """Slots that have reached their final state."""
        return sum(self.states.values())

    @property
    def worst(self) -> StepState:
        """The state that says most about it."""
        return next((state for state in _WORST_FIRST if state in self.states), StepState.SKIPPED)


class Tally:
    """How far a run is, by asset."""

    def __init__(self) -> None:
        self.assets: dict[str, AssetTally] = {}
        self.total = 0
        self.done = 0
        self.failed = 0
        self.began = time.monotonic()
        self.name_width = 0
        self.slots_width = 0
        self._under_way: set[Slot] = set()

    def planned(self, plan: Plan, most: int) -> None:
        """Takes in what there is to do; names are aligned up to so many columns."""
        for step in plan.steps:
            for slot in step.slots:
                self.assets.setdefault(slot.asset, AssetTally()).total += 1
                self.total += 1
        self.name_width = min(most, max(map(display_width, self.assets), default=0))
        most_slots = max((asset.total for asset in self.assets.values()), default=1)
        self.slots_width = len(counted(most_slots, "slot")) if most_slots > 1 else 0
        self.began = time.monotonic()

    def started(self, step: Step) -> None:
        """An attempt at a step began."""
        for slot in step.slots:
            asset = self.assets.setdefault(slot.asset, AssetTally(total=1))
            if asset.began is None:
                asset.began = time.monotonic()
            if slot not in self._under_way:
                self._under_way.add(slot)
                asset.running += 1

    def settled(self, outcome: StepOutcome) -> AssetTally:
        """A slot ended; returns the tally of its asset."""
        asset = self.assets.setdefault(outcome.slot.asset, AssetTally(total=1))
        asset.states[outcome.state] = asset.states.get(outcome.state, 0) + 1
        asset.rows += outcome.rows or 0
        asset.warned += any(not check.passed and not check.blocks for check in outcome.checks)
        if outcome.slot in self._under_way:
            self._under_way.remove(outcome.slot)
            asset.running -= 1
        if outcome.state in (*_FAILED, StepState.BLOCKED):
            asset.failures += 1
            self.failed += 1
        self.done += 1
        return asset

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began


class LineReporter(ProgressReporter):
    """Says a line when an asset is done, when a slot fails, and when something is noticed.

    Arguments:
        verbose: a line for every slot.
    """

    def __init__(self, style: Style, *, verbose: bool = False) -> None:
        self.style = style
        self.verbose = verbose
        self.tally = Tally()
        self._waited_for: set[str] = set()

    def say(self, line: str) -> None:
        """Shows one line."""

    def planned(self, plan: Plan, run_id: str) -> None:
        """Names the run and what it has to do."""
        self.tally.planned(plan, _NAME_WIDTH if self.style.width is None else max(12, self.style.width - _FACTS_WIDTH))
        if not plan.steps:
            return
        what = f"{counted(len(plan.steps), 'step')}, {counted(len(self.tally.assets), 'asset')}"
        self.say(self.style.dim(f"  run {run_id}: {what}"))

    def started(self, step: Step, attempt: int) -> None:
        """Counts the step as running."""
        self.tally.started(step)

    def waiting(self, step: Step, run_id: str) -> None:
        """Says for which run it waits, once a run."""
        if run_id not in self._waited_for or self.verbose:
            self._waited_for.add(run_id)
            self.say(self._line("waiting", str(step.slot), f"run {run_id} is at it"))

    def retrying(self, step: Step, error: StepError, wait_seconds: float) -> None:
        """Says that a step is tried again."""
        self.say(self._line("retrying", str(step.slot), f"in {seconds(wait_seconds)}: {_sentence(error)}"))

    def settled(self, outcome: StepOutcome) -> None:
        """Says how a slot failed, and how an asset went when its last slot has ended."""
        asset = self.tally.settled(outcome)
        name = str(outcome.slot)
        if outcome.state in _FAILED and asset.failures <= _FAILURES_SHOWN:
            why = _sentence(outcome.error) if outcome.error else ""
            self.say(self._line(str(outcome.state), name, why))
        elif outcome.state is StepState.BLOCKED and asset.failures <= _FAILURES_SHOWN:
            self.say(self._line("blocked", name, _blocking(outcome.checks)))
        elif self.verbose:
            self.say(self._line(str(outcome.state), name, _facts(outcome)))
        told = asset.total == 1 and (asset.failures or self.verbose)
        if asset.done >= asset.total and not told and asset.worst not in _NEVER_RUN:
            self.say(self._asset_line(outcome.slot.asset, asset))

    def noticed(self, message: str) -> None:
        """Says what was done before the first step."""
        self.say(self.style.dim(f"  {clean(message)}"))

    def warned(self, message: str) -> None:
        """Says what stops nothing."""
        self.say(indent(warning_text(message, self.style), "  "))

    def _asset_line(self, key: str, asset: AssetTally) -> str:
        count = asset.states.get(asset.worst, 0)
        of = "" if count == asset.total else f"{number(count)} of "
        slots = f"{of}{counted(asset.total, 'slot')}" if asset.total > 1 else ""
        took = seconds(time.monotonic() - asset.began) if asset.began is not None else ""
        published = asset.worst in (StepState.SUCCEEDED, StepState.REUSED)
        rows = counted(asset.rows, "row") if asset.rows and published else ""
        warned = "warns" if asset.warned else ""
        return self._line(str(asset.worst), key, f"{slots:>{self.tally.slots_width}}  {took:>8}  {rows:>12}  {warned}")

    def _line(self, word: str, name: str, rest: str) -> str:
        padding = " " * max(0, self.tally.name_width - display_width(name))
        plain = f"  {word:<10}  {name}{padding}  "
        if self.style.width is not None:
            rest = cut(rest, max(20, self.style.width - display_width(plain)), self.style.unicode)
        return f"  {self.style.state(word, f'{word:<10}')}  {name}{padding}  {rest}".rstrip()


class PlainReporter(LineReporter):
    """Lines on a stream that is no terminal, with a sign of life now and then."""

    def __init__(self, stream: TextIO, style: Style, *, verbose: bool = False) -> None:
        super().__init__(style, verbose=verbose)
        self.stream = stream
        self._last = time.monotonic()

    def say(self, line: str) -> None:
        """Writes the line; a stream that is gone stops no run."""
        write_line(self.stream, line)
        self._last = time.monotonic()

    def settled(self, outcome: StepOutcome) -> None:
        """Writes as the base does, and how far the run is when nothing was written for a while."""
        super().settled(outcome)
        if time.monotonic() - self._last >= _HEARTBEAT_SECONDS and self.tally.done < self.tally.total:
            done = f"{number(self.tally.done)} of {counted(self.tally.total, 'slot')}"
            self.say(self.style.dim(f"  {done} after {seconds(self.tally.seconds)}"))


class JsonReporter(ProgressReporter):
    """One JSON object a line for every event; docs/json.md describes them."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def planned(self, plan: Plan, run_id: str) -> None:
        """``planned``: run, steps, slots."""
        self._write("planned", run=run_id, steps=len(plan.steps), slots=sum(len(one.slots) for one in plan.steps))

    def started(self, step: Step, attempt: int) -> None:
        """``started``: slots, attempt."""
        self._write("started", slots=[str(slot) for slot in step.slots], attempt=attempt)

    def waiting(self, step: Step, run_id: str) -> None:
        """``waiting``: slots, run."""
        self._write("waiting", slots=[str(slot) for slot in step.slots], run=run_id)

    def retrying(self, step: Step, error: StepError, wait_seconds: float) -> None:
        """``retrying``: slots, error, wait_seconds."""
        slots = [str(slot) for slot in step.slots]
        self._write("retrying", slots=slots, error=error_document(error), wait_seconds=wait_seconds)

    def settled(self, outcome: StepOutcome) -> None:
        """``settled``: asset, partition, state, rows, seconds, error."""
        self._write(
            "settled",
            asset=outcome.slot.asset,
            partition=outcome.slot.partition,
            state=str(outcome.state),
            rows=outcome.rows,
            seconds=outcome.seconds,
            error=error_document(outcome.error),
        )

    def noticed(self, message: str) -> None:
        """``noticed``: message."""
        self._write("noticed", message=message)

    def warned(self, message: str) -> None:
        """``warned``: message."""
        self._write("warned", message=message)

    def ended(self, result: RunResult) -> None:
        """``ended``: run, run_ok, counts, seconds."""
        self._write("ended", run=result.run_id, run_ok=result.ok, counts=dict(result.counts), seconds=result.seconds)

    def _write(self, event: str, **values: Any) -> None:
        line: Mapping[str, Any] = {"event": event, "at": datetime.now(UTC), **values}
        write_line(self.stream, encode_line(line))


def write_line(stream: TextIO, line: str) -> None:
    """Writes a line at once; whoever listened and went away is no reason to stop."""
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except (OSError, ValueError):
        return


def _sentence(error: StepError) -> str:
    text = error.message if error.code != "HW501" else f"{error.type}: {error.message}"
    return clean((text.splitlines() or [""])[0])


def _blocking(checks: tuple[CheckResult, ...]) -> str:
    return ", ".join(clean(check.message or check.name) for check in checks if check.blocks)


def _facts(outcome: StepOutcome) -> str:
    rows = [counted(outcome.rows, "row")] if outcome.rows is not None else []
    took = [seconds(outcome.seconds)] if outcome.seconds else []
    return ", ".join([*rows, *took])
