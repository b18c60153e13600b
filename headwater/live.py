"""The display on a terminal while a run is under way: what runs now at the bottom, what has ended above it."""

from __future__ import annotations

import time
from threading import Lock
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from assets_core.plan import Plan, Step
from assets_core.ports import RunResult, StepOutcome
from headwater.progress import AssetTally, LineReporter
from headwater.report.style import Style
from headwater.report.words import counted, number, seconds

_ASSETS_SHOWN = 6
_BAR_WIDTH = 20
_REFRESHES_A_SECOND = 6


class LiveReporter(LineReporter):
    """Lines that scroll, and below them a few bars that move.

    The bars are drawn in a thread of their own, so that the engine's thread only counts.
    """

    def __init__(self, stream: TextIO, style: Style, *, verbose: bool = False) -> None:
        super().__init__(style, verbose=verbose)
        self._lock = Lock()
        console = Console(file=stream, no_color=not style.colour, highlight=False, soft_wrap=True, width=style.width)
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=_REFRESHES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def say(self, line: str) -> None:
        """Puts the line above the bars."""
        self._live.console.print(Text.from_ansi(line), overflow="ignore", no_wrap=True, crop=False)

    def planned(self, plan: Plan, run_id: str) -> None:
        """Begins the display."""
        super().planned(plan, run_id)
        if plan.steps:
            self._live.start()

    def started(self, step: Step, attempt: int) -> None:
        """Counts."""
        with self._lock:
            super().started(step, attempt)

    def settled(self, outcome: StepOutcome) -> None:
        """Counts, and says what is worth saying."""
        with self._lock:
            super().settled(outcome)

    def ended(self, result: RunResult) -> None:
        """Takes the bars away."""
        self.close()

    def close(self) -> None:
        """Takes the bars away; the lines stay."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        # The lock is taken without waiting: while the engine holds it, it may be waiting for the console's own.
        if not self._lock.acquire(blocking=False):
            return self._drawn
        try:
            self._drawn = self._bars()
        finally:
            self._lock.release()
        return self._drawn

    _drawn: RenderableType = Text("")

    def _bars(self) -> RenderableType:
        tally = self.tally
        running = [(key, asset) for key, asset in tally.assets.items() if asset.running]
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(min_width=12)
        grid.add_column(width=_BAR_WIDTH)
        grid.add_column(justify="right")
        grid.add_column(justify="right")
        for key, asset in running[:_ASSETS_SHOWN]:
            grid.add_row(*self._row(key, asset))
        if len(running) > _ASSETS_SHOWN:
            grid.add_row(Text(f"  and {len(running) - _ASSETS_SHOWN} more", style="dim"))
        total = f"  {number(tally.done)} of {counted(tally.total, 'slot')}"
        failed = f", {number(tally.failed)} failed" if tally.failed else ""
        last = Text.assemble((total, "bold"), (failed, "red"), (f"  {seconds(tally.seconds)}", "dim"))
        return Group(grid, last) if running else last

    def _row(self, key: str, asset: AssetTally) -> list[RenderableType]:
        took = seconds(0.0 if asset.began is None else time.monotonic() - asset.began)
        name = Text(f"  {key}", overflow="ellipsis", no_wrap=True)
        if asset.total == 1:
            return [name, Text("running", style="blue"), Text(""), Text(took, style="dim")]
        bar = ProgressBar(total=asset.total, completed=asset.done, width=_BAR_WIDTH)
        return [name, bar, Text(f"{number(asset.done)}/{number(asset.total)}"), Text(took, style="dim")]
