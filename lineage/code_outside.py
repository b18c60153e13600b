"""What code takes from outside by a name that stands in it: environment variables and files."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from glob import escape, glob, has_magic, iglob
from itertools import takewhile
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, cast

from assets_core.digest import digest
from lineage.code_constants import constant
from lineage.code_objects import resolved
from lineage.code_syntax import CALLED, PATH_LISTS, STORED, Chain, Syntax
from lineage.fingerprint import file_digest

_ENVIRON_READS = frozenset({(), ("get",), ("pop",), ("setdefault",), ("__getitem__",)})
_FILE_READS = frozenset({
    "read_csv", "scan_csv", "read_csv_batched", "read_parquet", "scan_parquet", "read_table", "read_json",
    "read_ndjson", "scan_ndjson", "read_ipc", "scan_ipc", "read_feather", "read_avro", "read_excel", "read_pickle",
    "read_ipc_stream", "read_lines", "scan_lines", "read_ods", "read_delta", "scan_delta", "read_fwf", "read_xml",
    "read_orc", "read_html", "read_hdf", "read_sas", "read_spss", "read_stata",
})  # fmt: skip
_FILE_OPENS = frozenset({
    "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "fileinput.input", "runpy.run_path",
    "tarfile.TarFile.open", "tarfile.TarFile", "zipfile.ZipFile", "gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile",
    "xml.etree.ElementTree.parse", "xml.etree.ElementTree.iterparse", "xml.dom.minidom.parse",
    "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile",
})  # fmt: skip
_LISTS = frozenset(map(id, (glob, iglob, os.listdir, os.scandir, os.walk)))
_PATH = (str, PurePath)
_FUNCTIONS = (type, FunctionType, BuiltinFunctionType, MethodType)


class Outside:
    """Finds reads of the environment and of files whose names are constants.

    Arguments:
        root: the project's folder; relative paths are looked up there first, then in the working directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._roots = (self._root, root.absolute())
        self._digests: dict[tuple[str, int, int, int], str] = {}

    def read(
        self, syntax: Syntax, scope: Mapping[str, Any], owner: str, note: Callable[[str], None]
    ) -> Iterator[tuple[str, str, str]]:
        """The (kind, name, digest) of everything that is read.

        Arguments:
            scope: what the names of the syntax stand for.
            owner: name of the code, for the notes.
            note: told what cannot be captured, and of every file: it should be a source and an input. A file that
                the same code writes, and a variable that it sets, are its own affair; so are files that it lists and
                does not read.
        """
        if syntax.calls:
            scope = _with_assigned(syntax, scope)
        own = {self._portable(str(path)) for node in syntax.written if isinstance(path := constant(node, scope), _PATH)}
        calls = [(chain, *resolved(chain, scope), argument) for chain, argument in syntax.calls]
        own_variables = {
            constant(argument, scope) for _, value, rest, argument in calls if value is os.environ and rest == (STORED,)
        }
        reads = not syntax.written and any(_reads(chain, value, scope) for chain, value, _, _ in calls)
        for chain, value, rest, argument in calls:
            if value is os.getenv or (value is os.environ and rest in _ENVIRON_READS):
                name = constant(argument, scope)
                if isinstance(name, str):
                    if name not in own_variables:
                        yield "environment", name, self.now("environment", name)
                else:
                    note(f"{owner} reads an environment variable whose name is computed")
                continue
            listed = _lists(chain, value)
            if (listed and reads) or _reads(chain, value, scope):
                path = constant(argument, scope)
                told = isinstance(path, PurePath) or (isinstance(path, str) and chain[0] != CALLED)
                if told and chain[-1] == "read" and not self._is_file(str(path)):
                    continue  # a member of an archive, a key
                if told and self._portable(str(path)) not in own:
                    kind, known, hashed = self.file(str(path), alone=not listed and chain[-1] not in _FILE_READS)
                    note(f"{owner} reads {known}, which is none of its inputs: declare it as a source")
                    yield kind, known, hashed
        for chain in syntax.chains:
            value, rest = resolved(chain, scope)
            if value is os.environ and rest not in _ENVIRON_READS:
                note(f"{owner} reads the environment as a whole")

    def file(self, path: str, *, alone: bool = False) -> tuple[str, str, str]:
        """The kind, name and digest of what is read by a path.

        Arguments:
            alone: it is read as one file, so that a folder or pattern means nothing.
        """
        known = self._portable(path)
        kind = "file" if alone or not self._found(known) else "files"
        return kind, known, self.now(kind, known)

    def now(self, kind: str, name: str) -> str:
        """The digest of what an environment variable, a file, or a folder or pattern of files holds now."""
        if kind == "environment":
            return digest(os.environ.get(name))
        if kind == "files":
            return digest(self._found(name))
        file = next((folder / name for folder in self._folders() if os.path.isfile(folder / name)), None)
        return digest("missing") if file is None else self._file_digest(file)

    def _portable(self, path: str) -> str:
        """A path inside the project relative to it: a checkout may be moved, and another one has the same code."""
        inside = next((root for root in self._roots if PurePath(path).is_relative_to(root)), None)
        return path if inside is None else PurePath(path).relative_to(inside).as_posix()

    def _folders(self) -> tuple[Path, ...]:
        """Where a path may begin: code is run from the project's folder, or from another one."""
        try:
            return self._root, Path.cwd()
        except FileNotFoundError:  # somebody removed it
            return (self._root,)

    def _is_file(self, name: str) -> bool:
        return any(os.path.isfile(folder / name) for folder in self._folders())

    def _found(self, name: str) -> list[tuple[str, str]]:
        """The files that a folder or pattern means, each with its digest; none where it means one file.

        None either below a folder that the project lies in, such as ``/``: the name may mean something else to what it
        is given to, and the disk is not looked through for it.
        """
        for folder in self._folders():
            path = folder / name
            if os.path.isfile(path):
                return []
            if self._takes_in_project(path):
                continue
            pattern = str(path / "**") if os.path.isdir(path) else os.path.join(escape(str(folder)), name)
            found = sorted(Path(one) for one in glob(pattern, recursive=True) if os.path.isfile(one))
            found = [one for one in found if "__pycache__" not in one.parts]  # Python writes there what it likes
            if found:
                return [(_below(one, folder), self._file_digest(one)) for one in found]
        return []

    def _takes_in_project(self, path: Path) -> bool:
        """Whether a folder, or all that is below the one in which a pattern begins, holds the whole project."""
        plain = [*takewhile(lambda part: not has_magic(part), path.parts)]
        begin = Path(os.path.realpath(Path(*plain)))
        if len(plain) == len(path.parts):
            return self._root.is_relative_to(begin)
        return "**" in path.parts and begin in self._root.parents

    def _file_digest(self, path: Path) -> str:
        try:
            status = path.stat()
            key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
            if key not in self._digests:
                self._digests[key] = file_digest(path)
            return self._digests[key]
        except OSError:
            return digest("unreadable")


def _lists(chain: Chain, value: Any) -> bool:
    """Whether a call lists the files of a folder or pattern."""
    return (chain[0] == CALLED and chain[-1] in PATH_LISTS) or id(value) in _LISTS


def _reads(chain: Chain, value: Any, scope: Mapping[str, Any]) -> bool:
    """Whether a call reads a file."""
    if chain[0] == CALLED:
        return chain[-1] not in PATH_LISTS
    if chain[-1] == "read":  # a parser of configuration reads the file that it is told, anything else a number of bytes
        return len(chain) > 1
    return _called(value) in _FILE_OPENS or chain == ("open",) or (chain[-1] in _FILE_READS and chain[0] in scope)


def _called(value: Any) -> str:
    """A function or class by the name that its library gives it.

    Nothing else is asked: objects such as ``pl.col`` make a column of whatever name they are asked for.
    """
    if isinstance(value, _FUNCTIONS) or str(type(value).__module__).startswith("numpy"):  # which wraps its functions
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    return ""


def _with_assigned(syntax: Syntax, scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scope with the texts and paths that are assigned inside and can be told."""
    inside: dict[str, Any] = {}
    for name, node in syntax.assigned:
        value = constant(node, ChainMap(inside, cast("dict[str, Any]", scope)))
        if isinstance(value, str | PurePath):
            inside[name] = value
    return ChainMap(inside, cast("dict[str, Any]", scope)) if inside else scope


def _below(path: Path, folder: Path) -> str:
    """The path from a folder on, so that a moved checkout has the same; the whole path of what lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
