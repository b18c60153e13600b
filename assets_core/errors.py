"""The one family of errors: what went wrong, where, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class HeadwaterError(Exception):
    """Anything that Headwater itself refuses or finds wrong.

    Arguments:
        code: stable identifier such as ``"HW101"``; docs/errors.md lists them all.
        what: one sentence that says what is wrong.
        where: the place, ``file:line``, an asset key, a slot or a column; empty when there is none.
        why: more detail, possibly of several lines; empty when the sentence is enough.
        hint: what to do about it; empty when nothing sensible can be said.
    """

    exit_status = 2

    def __init__(self, code: str, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        self.code = code
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint
        super().__init__(code, what, where, why, hint)

    def __str__(self) -> str:
        lines = [f"{self.code} {self.what}"]
        if self.where:
            lines.append(f"  at {self.where}")
        if self.why:
            lines.extend(f"  {line}" for line in self.why.splitlines())
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.what, self.where, self.why, self.hint))

    @property
    def message(self) -> str:
        """What is wrong, and below it the detail if there is any."""
        return f"{self.what}\n{self.why}" if self.why else self.what

    def as_dict(self) -> dict[str, str]:
        """The error as the JSON documents carry it: ``code``, ``message``, ``where``, ``hint``."""
        return {"code": self.code, "message": self.message, "where": self.where, "hint": self.hint}


class DefinitionError(HeadwaterError):
    """An asset, source, check or setting is declared wrongly (HW1xx)."""


class LineageError(HeadwaterError):
    """A statement or plan whose lineage cannot be derived at all (HW2xx)."""


class DataError(HeadwaterError):
    """Data could not be read, is not what was declared, or is damaged (HW3xx)."""

    exit_status = 1


class StorageError(HeadwaterError):
    """A storage or the catalog cannot be opened, read or written (HW4xx)."""

    exit_status = 1


class RunError(HeadwaterError):
    """A step of a run failed for a reason that is not the user's function (HW5xx)."""

    exit_status = 1


class UsageError(HeadwaterError):
    """A command or call was used wrongly: an unknown asset, a bad selection (HW6xx)."""


class RefusedError(HeadwaterError):
    """Headwater will not do this now: protected, busy, or moved meanwhile (HW7xx)."""

    exit_status = 3


class ProjectError(HeadwaterError):
    """Every error found in a project at once.

    Arguments:
        errors: at least one error, in the order in which they were found.
    """

    def __init__(self, errors: Sequence[HeadwaterError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.code, first.what, where=first.where, why=first.why, hint=first.hint)

    def __str__(self) -> str:
        return "\n\n".join(str(error) for error in self.errors)

    def __reduce__(self) -> tuple[object, ...]:
        return (ProjectError, (self.errors,))


def message_of(error: BaseException) -> str:
    """What an exception says; that of somebody's code may fail even at this, and then it is said as tracebacks do."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 -- whatever its __str__ raises
        return "<exception str() failed>"


def raise_all(errors: Sequence[HeadwaterError]) -> None:
    """Raises nothing, the only error, or all of them as one ``ProjectError``."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ProjectError(errors)


def nearest(name: str, names: Iterable[str]) -> str:
    """The known name most like ``name``, or an empty string when none is near.

    Case does not count against a name, and a name that differs only by its group (``flights`` for
    ``staging/flights``) is near.
    """
    known = list(names)
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return by_lower[close[0]]
    last = name.lower().rsplit("/", 1)[-1]
    tails = [candidate for candidate in known if candidate.lower().rsplit("/", 1)[-1] == last]
    return tails[0] if tails else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A hint that names the nearest known name, or an empty string."""
    near = nearest(name, names)
    return f"did you mean {near!r}?" if near else ""


def _rebuild(cls: type[HeadwaterError], code: str, what: str, where: str, why: str, hint: str) -> HeadwaterError:
    return cls(code, what, where=where, why=why, hint=hint)
