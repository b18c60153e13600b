"""A project in a temporary folder whose files a test writes and edits as a person would."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from assets_core.plan import Plan
from assets_core.ports import RunResult
from headwater import Project


class Desk:
    """A project folder and the last project loaded from it; every call loads the files as they are now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: Project | None = None
        self.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n')

    def write(self, name: str, text: str) -> Path:
        """Writes a file; the text's common indentation is taken off."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def define(self, text: str) -> None:
        """Writes the definitions, below the imports that each of them needs."""
        self.write("definitions.py", HEAD + dedent(text))

    def edit(self, name: str, before: str, after: str) -> None:
        """Replaces text that must be there."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{before!r} is not in {name}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    @property
    def project(self) -> Project:
        """The project as its files say now."""
        self.close()
        self._open = Project.load(self.root)
        return self._open

    def materialize(self, select: str = "", **options: object) -> RunResult:
        """Runs ``materialize``."""
        return self.project.materialize(select, **options)  # type: ignore[arg-type]

    def plan(self, select: str = "") -> Plan:
        """Runs ``plan``."""
        return self.project.plan(select)

    def ran(self, result: RunResult) -> list[str]:
        """The slots that were computed, in the order in which they ended."""
        return [str(one.slot) for one in result.steps if one.state == "succeeded"]

    def reasons(self, plan: Plan) -> dict[str, list[str]]:
        """By slot, the codes of the reasons in a plan."""
        return {str(step.slot): [str(reason.code) for reason in step.reasons] for step in plan.steps}

    def messages(self, plan: Plan) -> dict[str, str]:
        """By slot, all reasons of a plan as one text."""
        return {str(step.slot): "\n".join(reason.message for reason in step.reasons) for step in plan.steps}

    def rows(self, asset: str, partition: str | None = None) -> list[dict[str, object]]:
        """The published rows, sorted."""
        frame = self.project.scan(asset, partition).collect()
        return frame.sort(frame.columns).to_dicts()

    def close(self) -> None:
        """Closes the project that was loaded last."""
        if self._open is not None:
            self._open.close()
            self._open = None


HEAD = """
import polars as pl
from headwater import Config, Daily, Input, Monthly, Out, Run, asset, check, multi_asset, source, sql_asset, window
"""
