"""What code takes from outside by a name that stands in it: environment variables and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from glob import escape, glob
from pathlib import Path, PurePath
from typing import Any

from assets_core.digest import digest
from lineage.code_objects import MISSING, resolved
from lineage.code_syntax import CALLED, PATH_READS, Chain, Syntax
from lineage.fingerprint import file_digest

_ENVIRON_READS = frozenset({(), ("get",), ("pop",), ("setdefault",), ("__getitem__",)})
_FILE_READS = frozenset({
    "read_csv", "scan_csv", "read_csv_batched", "read_parquet", "scan_parquet", "read_table", "read_json",
    "read_ndjson", "scan_ndjson", "read_ipc", "scan_ipc", "read_feather", "read_avro", "read_excel", "read_pickle",
})  # fmt: skip

_PATH_READS = frozenset((CALLED, name) for name in PATH_READS)


class Outside:
    """Finds reads of the environment and of files whose names are constants.

    Arguments:
        root: the project's folder; relative paths are looked up there first, then in the working directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digests: dict[tuple[str, int, int, int], str] = {}

    def read(
        self, syntax: Syntax, scope: Mapping[str, Any], owner: str, note: Callable[[str], None]
    ) -> Iterator[tuple[str, str, str]]:
        """The (kind, name, digest) of everything that is read.

        Arguments:
            scope: what the names of the syntax stand for.
            owner: name of the code, for the notes.
            note: told what cannot be captured, and of every file: it should be a source and an input.
        """
        for chain, argument in syntax.calls:
            value, rest = resolved(chain, scope)
            if value is os.getenv or (value is os.environ and rest in _ENVIRON_READS):
                name = constant(argument, scope)
                if isinstance(name, str):
                    yield "environment", name, digest(os.environ.get(name))
                else:
                    note(f"{owner} reads an environment variable whose name is computed")
            elif (
                chain == ("open",)
                or (chain[-1] in _FILE_READS and chain[0] in scope and CALLED not in chain)
                or (value is Path and rest in _PATH_READS)
            ):
                path = constant(argument, scope)
                if isinstance(path, str | PurePath):
                    note(f"{owner} reads {path}, which is none of its inputs: declare it as a source")
                    yield "file", str(path), self._files_digest(str(path))
        for chain in syntax.chains:
            value, rest = resolved(chain, scope)
            if value is os.environ and rest not in _ENVIRON_READS:
                note(f"{owner} reads the environment as a whole")

    def _files_digest(self, name: str) -> str:
        """The digest of the bytes of all files that a path, folder or pattern means; of nothing where there is none."""
        for folder in (self._root, Path.cwd()):
            path = folder / name
            if path.is_file():
                return self._file_digest(path)
            pattern = str(path / "**") if path.is_dir() else os.path.join(escape(str(folder)), name)
            found = sorted(Path(one) for one in glob(pattern, recursive=True) if os.path.isfile(one))
            if found:
                return digest([(_below(one, folder), self._file_digest(one)) for one in found])
        return digest("missing")

    def _file_digest(self, path: Path) -> str:
        try:
            status = path.stat()
            key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
            if key not in self._digests:
                self._digests[key] = file_digest(path)
            return self._digests[key]
        except OSError:
            return digest("unreadable")


def _below(path: Path, folder: Path) -> str:
    """The path from a folder on, so that a moved checkout has the same; the whole path of what lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def constant(argument: str | Chain | None, scope: Mapping[str, Any]) -> Any:
    """What an argument stands for: a text in the code, or the value of a global that it names; None for anything else."""
    if not isinstance(argument, tuple):
        return argument
    value, rest = resolved(argument, scope)
    return None if rest or value is MISSING else value
