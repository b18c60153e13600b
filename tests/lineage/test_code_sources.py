"""Source digests describe the code that was imported, wherever it lies and whatever its file says now."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.code import source_digest
from lineage.code_sources import SourceCache
from tests.lineage.code_project import HELPERS, Project, code_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with code_project(tmp_path) as made:
        yield made


def test_a_module_that_is_edited_after_its_import_is_read_as_it_was_imported(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    function = project.load().f
    before = project.of(function)
    (project.root / "pipeline.py").write_text("def f(a):\n    return a * 3\n")
    assert project.of(function).digest == before.digest
    assert project.cache.edited() == [str(project.root / "pipeline.py")]


def test_an_edit_of_equal_length_within_a_second_is_seen(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    assert project.load().f(1) == 2
    status = (project.root / "pipeline.py").stat()
    project.write(pipeline="def f(a):\n    return a * 3\n")
    os.utime(project.root / "pipeline.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert project.load().f(1) == 3


def test_a_function_whose_file_does_not_tell_its_code_is_noted_and_read_from_the_compiled_code(
    project: Project,
) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    function = project.load().f
    (project.root / "pipeline.py").write_text("def f(a):\n    return a * 3\n")
    found = source_digest(function, project_root=project.root, bindings={}, cache=SourceCache())
    assert any("compiled code" in note for note in found.notes)


def test_a_module_imported_without_recording_is_read_from_its_file(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    recorded = project.read()
    plain = source_digest(project.load().f, project_root=project.root, bindings={}, cache=SourceCache())
    assert plain == recorded


@pytest.mark.parametrize(
    "function",
    [len, print, str.upper, eval("lambda a: a + 1"), dict],
    ids=["len", "print", "str.upper", "evaluated lambda", "dict"],
)
def test_code_without_source_gets_a_version_and_no_exception(function: Any, tmp_path: Path) -> None:
    first, second = (source_digest(function, project_root=tmp_path, bindings={}) for _ in range(2))
    assert first.digest == second.digest


def test_a_moved_checkout_and_another_hash_seed_change_nothing(tmp_path: Path) -> None:
    text = """
        import helpers, os, pathlib
        HERE = pathlib.Path(__file__).parent
        FOLDER = os.path.dirname(os.path.abspath(__file__))
        WORDS = {"alpha", "beta", "gamma", "delta"}
        class C:
            words = frozenset(WORDS)
        INSTANCE = C()
        INSTANCE.more = WORDS
        def f(a):
            words = [w for w in a if w in WORDS or w in {"one", "two", "three"}]
            return words, helpers.double(a), C, INSTANCE, HERE, FOLDER
    """
    script = (
        "import sys, pathlib; root = pathlib.Path(sys.argv[1]); sys.path.insert(0, str(root));"
        "from lineage.code import source_digest; from lineage.code_sources import DEFAULT_CACHE\n"
        "with DEFAULT_CACHE.recording(root):\n    import pipeline\n"
        "found = source_digest(pipeline.f, project_root=root, bindings={'a': 'x'})\n"
        "print(found.digest, [part[:5] for part in map(lambda p: (p.kind, p.name, p.digest, p.file), found.parts)])"
    )
    outputs = set()
    for seed in ("1", "2", "3"):
        root = tmp_path / f"checkout{seed}"
        root.mkdir()
        (root / "pipeline.py").write_text(textwrap.dedent(text))
        (root / "helpers.py").write_text(textwrap.dedent(HELPERS))
        done = subprocess.run(
            [sys.executable, "-c", script, str(root)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_a_function_of_an_earlier_load_is_not_taken_for_its_successor(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    earlier = project.load().f
    project.write(pipeline="def f(a):\n    return a * 3\n")
    later = project.load().f
    assert project.of(earlier).digest != project.of(later).digest


def test_a_worker_that_imported_other_bytes_finds_out_which(project: Project) -> None:
    project.write(helpers="def g(a):\n    return a\n", pipeline="import helpers\ndef f(a):\n    return helpers.g(a)\n")
    project.load()
    planned = project.cache.digests()
    project.load()
    assert project.cache.differing(planned) == []
    project.write(helpers="def g(a):\n    return -a\n")
    project.load()
    assert project.cache.differing(planned) == [str(project.root / "helpers.py")]
