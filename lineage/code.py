"""Source digests: what a Python asset would compute, read off its source and everything that the source reaches.

DESIGN section 4 has the rule. A reading is made of parts (a function, a class, a global's value, an environment
variable, a distribution), each with a digest of its own, so that two readings can be compared part by part.
Nothing in a digest depends on absolute paths, line numbers, hash seeds or the order in which things were found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from assets_core.digest import digest
from lineage.code_sources import DEFAULT_CACHE, SourceCache
from lineage.code_walk import Walk

SCHEME = "source-1"
"""Names the rules; digests of two schemes never compare equal."""


class FunctionPlace(NamedTuple):
    """A function or class that entered a reading: its qualified name, file relative to the project, and line."""

    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that entered a source digest.

    Arguments:
        kind: ``function``, ``class``, ``module``, ``value``, ``default``, ``closure``, ``name``, ``environment``,
            ``file``, ``distribution`` or ``binding``.
        name: qualified with the module: ``helpers.f``.
        digest: of its content.
        file, line: where it stands, relative to the project; empty for values and the like.
        shown: a short text of its value for people; empty where it would show too much.
        text: the source lines of functions and classes.
    """

    kind: str
    name: str
    digest: str
    file: str = ""
    line: int = 0
    shown: str = ""
    text: str = ""


@dataclass(frozen=True)
class SourceReading:
    """What the source of one asset says.

    Arguments:
        parts: everything that entered, sorted by kind and name.
        notes: sentences about what could not be captured.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    scheme: str = SCHEME

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all parts."""
        return digest(self.scheme, [(part.kind, part.name, part.digest) for part in self.parts])

    @property
    def functions(self) -> tuple[FunctionPlace, ...]:
        """The functions and classes that were read."""
        read = (part for part in self.parts if part.kind in ("function", "class", "module"))
        return tuple(FunctionPlace(part.name, part.file, part.line) for part in read)

    @property
    def reached(self) -> tuple[Part, ...]:
        """What entered besides code: values, environment variables, distributions, bindings."""
        return tuple(part for part in self.parts if part.kind not in ("function", "class", "module", "name"))

    @cached_property
    def outside(self) -> tuple[Part, ...]:
        """Environment variables and files: what may change while the project is loaded."""
        return tuple(part for part in self.parts if part.kind in ("environment", "file", "files"))

    @property
    def text(self) -> str:
        """The source of all functions and classes that were read, one after another under their names."""
        return "\n\n".join(f"# {part.name} ({part.file})\n{part.text}" for part in self.parts if part.text)


class SourceReader:
    """Reads many assets of one project; each function's syntax is read once.

    Values of globals are read once too and believed for the reader's life: make one reader a plan, and another when
    values may have changed.

    Arguments:
        project_root: the folder that file names are relative to.
        cache: where the sources were kept at import.
    """

    def __init__(self, project_root: Path, cache: SourceCache = DEFAULT_CACHE) -> None:
        self._walk = Walk(project_root, cache)

    def read(
        self, function: Callable[..., Any], bindings: Mapping[str, str], *, also: Iterable[Callable[..., Any]] = ()
    ) -> SourceReading:
        """The reading of one function.

        Arguments:
            bindings: parameter -> what it is bound to, with the form it is handed over in where that matters.
            also: functions that the code depends on in ways that cannot be seen (``code_depends=``).
        """
        found, notes = self._walk.read(function, tuple(also))
        parts = [Part(*fields) for fields in found]
        parts.extend(Part("binding", name, digest(bound), shown=bound) for name, bound in bindings.items())
        parts.sort(key=lambda part: (part.kind, part.name))
        return SourceReading(tuple(parts), notes)

    def now(self, reading: SourceReading, *, files: bool = False) -> SourceReading:
        """A reading with what environment variables and files hold now; the values in it are those of then.

        Arguments:
            files: look at files alone, as ``moved`` does.
        """
        now = self._walk.outside.now
        looked_at = _looked_at(reading, files)
        parts = [replace(one, digest=now(one.kind, one.name)) if one in looked_at else one for one in reading.parts]
        return replace(reading, parts=tuple(parts))

    def moved(self, reading: SourceReading, *, files: bool = False) -> tuple[str, ...]:
        """The environment variables and files that do not hold any more what they did when they were read.

        Arguments:
            files: look at files alone: code may set variables of its own process while it works.
        """
        now = self._walk.outside.now
        return tuple(_title(part) for part in _looked_at(reading, files) if now(part.kind, part.name) != part.digest)


def source_digest(
    function: Callable[..., Any],
    *,
    project_root: Path,
    bindings: Mapping[str, str],
    cache: SourceCache = DEFAULT_CACHE,
    also: Iterable[Callable[..., Any]] = (),
) -> SourceReading:
    """The reading of one function on its own: see ``SourceReader.read``. Values are read anew at every call."""
    return SourceReader(project_root, cache).read(function, bindings, also=also)


def changed_parts(before: SourceReading | Sequence[Part], after: SourceReading | Sequence[Part]) -> tuple[str, ...]:
    """What differs between two readings, one sentence a part: ``"code of f in helpers.py changed"``.

    Where a function itself changed, names that are new or gone because of it are left out.
    """
    old, new = _by_name(before), _by_name(after)
    changed, appeared = [], []
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was is not None and now is not None:
            if was.digest != now.digest:
                changed.append(_sentence(now, was))
        else:
            one = now or was
            if one is not None and one.kind != "name":
                verb = "is reached now" if now is not None else "is no longer reached"
                appeared.append(f"{_title(one)} {verb}")
    return tuple(changed + appeared)


def _looked_at(reading: SourceReading, files: bool) -> tuple[Part, ...]:
    return tuple(part for part in reading.outside if not (files and part.kind == "environment"))


def _by_name(reading: SourceReading | Sequence[Part]) -> dict[tuple[str, str], Part]:
    parts = reading.parts if isinstance(reading, SourceReading) else reading
    return {(part.kind, part.name): part for part in parts}


def _sentence(now: Part, was: Part) -> str:
    if now.shown and was.shown and now.shown != was.shown:
        return f"{_title(now)} changed from {was.shown} to {now.shown}"
    return f"{_title(now)} changed"


def _title(part: Part) -> str:
    last = part.name.rsplit(".", 1)[-1]
    place = f" in {part.file}" if part.file else ""
    titles = {
        "function": f"code of {last}{place}",
        "class": f"class {last}{place}",
        "module": f"module {part.name}",
        "value": f"value of {part.name}",
        "default": f"default {part.name}",
        "closure": f"captured value {part.name}",
        "name": f"what {part.name} stands for",
        "file": f"file {part.name}",
        "files": f"files of {part.name}",
        "environment": f"environment variable {part.name}",
        "distribution": f"distribution {part.name}",
        "binding": f"binding of parameter {part.name}",
    }
    return titles[part.kind]
