"""The table of one storage in headwater.toml, read with errors that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from assets_core.errors import StorageError, did_you_mean
from assets_core.local_paths import why_not_local

T = TypeVar("T", bound=str)


class Options:
    """The options of one storage.

    Arguments:
        name: the storage's name.
        options: its table.
        known: the names it may hold; ``kind`` always may.

    Raises:
        StorageError: HW421, there is another name in the table.
    """

    def __init__(self, name: str, options: Mapping[str, object], known: Sequence[str]) -> None:
        self.where = f"[storage.{name}]"
        self._options = options
        for option in options:
            if option != "kind" and option not in known:
                raise StorageError(
                    "HW421",
                    f"a storage of this kind has no option {option!r}",
                    where=self.where,
                    hint=did_you_mean(option, known) or f"it has {', '.join(known)}",
                )

    def text(self, option: str, default: str) -> str:
        """A text that is not empty.

        Raises:
            StorageError: HW421, it is something else.
        """
        value = self._options.get(option, default)
        if not isinstance(value, str) or not value:
            raise StorageError("HW421", f"{option} is a text, not {value!r}", where=self.where)
        return value

    def path(self, root: Path, default: str) -> Path:
        """``path``, taken from the project's folder.

        Raises:
            StorageError: HW421, it is no path of local files.
        """
        path = self.text("path", default)
        if why := why_not_local(path):
            raise StorageError("HW421", f"path = {path!r} is no path of local files", where=self.where, why=why)
        return root / path

    def choice(self, option: str, choices: Sequence[T]) -> T:
        """One of a few words; the first one if none is given.

        Raises:
            StorageError: HW421, it is another.
        """
        value = self._options.get(option, choices[0])
        for choice in choices:
            if value == choice:
                return choice
        raise StorageError(
            "HW421",
            f"{option} = {value!r} is unknown",
            where=self.where,
            hint=did_you_mean(str(value), choices) or f"use one of {', '.join(choices)}",
        )
