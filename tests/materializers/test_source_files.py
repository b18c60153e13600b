"""Content digests of files, and when they may be remembered."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from assets_core.errors import DataError
from materializers.files import FileState, MemoryDigests, changed_file, digest_files, file_state, find_files


def files(root: Path, digests: MemoryDigests, *patterns: str) -> list[str]:
    return [file.digest for file in digest_files(find_files(patterns, root), digests)]


def test_a_digest_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert files(tmp_path, MemoryDigests(), "a") == [hashlib.sha256(b"abc").hexdigest()]


def test_the_digest_of_a_settled_file_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    time.sleep(0.15)
    digests = MemoryDigests()
    files(tmp_path, digests, "a")
    assert digests.get(str(path), file_state(path)) == hashlib.sha256(b"abc").hexdigest()


def test_a_remembered_digest_is_taken_without_reading(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digests = MemoryDigests()
    digests.put(str(path), file_state(path), "remembered")
    assert files(tmp_path, digests, "a") == ["remembered"]


def test_a_file_written_just_now_is_not_remembered_because_a_change_might_not_show(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digests = MemoryDigests()
    files(tmp_path, digests, "a")
    assert digests.get(str(path), file_state(path)) is None


@pytest.mark.parametrize("field", FileState._fields)
def test_any_part_of_the_state_that_differs_makes_it_another(field: str) -> None:
    digests, state = MemoryDigests(), FileState(1, 2, 3, 4)
    digests.put("a", state, "known")
    assert digests.get("a", state) == "known"
    assert digests.get("a", state._replace(**{field: 9})) is None


def test_a_change_since_the_digest_is_noticed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"abc")
    seen = digest_files(find_files(["*"], tmp_path), MemoryDigests())
    assert changed_file(seen) is None
    (tmp_path / "b").write_bytes(b"abcd")
    assert changed_file(seen) == "b"
    (tmp_path / "a").unlink()
    assert changed_file(seen) == "a"


def test_names_are_relative_with_forward_slashes_and_absolute_outside(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "data" / "a").touch()
    (tmp_path / "b").touch()
    found = find_files(["../b", "data/a", str(root / "data" / "a")], root)
    assert [name for name, _ in found] == [str(tmp_path / "b"), "data/a"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="there is no file 'data'"):
        find_files(["data"], tmp_path)
