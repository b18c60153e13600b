"""One invocation of the command: what it was told, where it writes, and how a command answers."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from assets_core.errors import HeadwaterError, RefusedError, StorageError
from headwater.cli.streams import silence
from headwater.report.style import Style, may_ask, style_for, warning_text

if TYPE_CHECKING:
    from headwater.project import Project
    from headwater.report.slots import PartitionsOf


@dataclass
class Call:
    """What every command is given.

    Arguments:
        settings: settings of configs, as ``KEY:FIELD=VALUE``.
        words: the command line after ``headwater``.
        out: where the answer goes; while a command runs, ``sys.stdout`` leads elsewhere.
        project_name, env_name: filled in when a project was loaded, so that errors after that can name it.
        crashed: a sentence on each run that was found to be dead when the project was opened.
        answered: whether the answer was written.
    """

    directory: str = "."
    env: str | None = None
    as_json: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: bool = False
    show_all: bool = False
    settings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    out: TextIO = field(default_factory=lambda: sys.stdout)
    project_name: str | None = None
    env_name: str | None = None
    crashed: tuple[str, ...] = ()
    answered: bool = False

    def told(self, given: Mapping[str, Any]) -> None:
        """Takes in options; what was given further left stands where nothing is given here."""
        for name, value in given.items():
            if value not in (None, False):
                setattr(self, name, value)

    @property
    def command_line(self) -> str:
        """The command as it was typed, for the record of a run."""
        return shlex.join(["headwater", *self.words])

    @property
    def style(self) -> Style:
        """How the answer is drawn."""
        style = style_for(self.out)
        return style.whole() if self.show_all else style

    @property
    def title(self) -> str:
        """The project and its environment, as the first line of an answer names them."""
        return f"{self.project_name} in {self.env_name}"

    def open(self) -> Project:
        """The project, to be used in a ``with`` block; runs whose process is gone are marked as abandoned.

        Raises:
            HeadwaterError: it cannot be loaded.
        """
        from headwater.project import Project

        project = Project.load(self.directory, env=self.env, set=self.settings)
        self.project_name, self.env_name = project.name, project.env
        if project.has_catalog:
            from headwater.beside import abandon_dead_runs

            # Whoever may not write, or finds the catalog broken, still gets what he asked for as far as it goes.
            with contextlib.suppress(HeadwaterError):
                self.crashed = tuple(abandon_dead_runs(project))
        return project

    def answer(
        self,
        text: Callable[[Style], str],
        body: Callable[[], Mapping[str, Any]],
        *,
        ok: bool = True,
        errors: Iterable[Mapping[str, Any]] = (),
        warnings: Iterable[str] = (),
    ) -> None:
        """Writes the one answer of a command: text for people, or a JSON document.

        Arguments:
            text: called for people, with the style to draw in.
            body: called for programs: the document without the head that all share.
            warnings: sentences, on standard error for people.
        """
        warnings = (*self.crashed, *warnings)
        if not self.as_json:
            self.write(text(self.style))
            self.warn(warnings)
            return
        from headwater.report.document import document, encode

        whole = document(body(), project=self.project_name, env=self.env_name, ok=ok, errors=errors, warnings=warnings)
        self.write(encode(whole, ascii_only=not self.style.unicode))

    def write(self, text: str) -> None:
        """Writes to the answer's stream."""
        self.answered = True
        if text:
            try:
                self.out.write(f"{text}\n")
            except BrokenPipeError:  # whoever read it had enough; the status still counts
                silence(self.out)
            except OSError as error:
                silence(self.out)
                raise StorageError("HW480", "cannot write the answer", why=str(error.strerror)) from None

    def warn(self, warnings: Iterable[str]) -> None:
        """Tells people of what stops nothing."""
        if self.quiet:
            return
        style = style_for(sys.stderr)
        for sentence in warnings:
            sys.stderr.write(f"{warning_text(sentence, style)}\n")

    def complain(self, errors: Iterable[HeadwaterError]) -> None:
        """Tells of errors that do not stop the command from answering."""
        for error in errors:
            sys.stderr.write(f"{error}\n\n")

    def confirm(self, what: str, *, code: str, reason: str, guarded: str = "") -> str:
        """Asks before something is done that a protected environment guards.

        Arguments:
            what: what is about to be done, in words that fit after "This will".
            reason: as given with ``--reason``; asked for where a person can answer.
            guarded: the protected environment, if it is another than the one that is worked in.

        Returns:
            The reason.

        Raises:
            RefusedError: it was not confirmed, or nobody is there to be asked.
        """
        if self.yes and reason:
            return reason
        guarded = guarded or self.env_name or ""
        if not may_ask() or self.as_json:
            lacking = " and ".join(
                word for word, given in (("--yes", self.yes), ("--reason TEXT", bool(reason))) if not given
            )
            raise RefusedError(
                code,
                f"{guarded} is protected, and this would {what}",
                hint=f"if that is meant, add {lacking}",
            )
        if not self.yes and _ask(f"{guarded} is protected, and this will {what}. Go on? [y/N] ").lower() not in (
            "y",
            "yes",
        ):
            raise RefusedError(code, "not confirmed; nothing was done")
        reason = reason or _ask("Why? (recorded) ")
        if not reason:
            raise RefusedError(code, "no reason was given; nothing was done")
        return reason

    def agree(self, question: str) -> bool:
        """Asks whether to go on, where a person can answer; elsewhere, and with ``--yes``, the answer is yes."""
        if self.yes or self.as_json or not may_ask():
            return True
        return _ask(f"{question} [y/N] ").lower() in ("y", "yes")


def partitions_of(project: Project) -> PartitionsOf:
    """Looks partition definitions up in a project."""

    def look_up(key: str) -> Any:
        definition = project.graph.definitions.get(key)
        return None if definition is None else definition.partitions

    return look_up


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
