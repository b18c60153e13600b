"""headwater.toml: what is refused, and that a text which was found valid is not looked at again until it changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assets_core.errors import HeadwaterError
from headwater import config

VALID = """
[project]
name = "desk"
modules = ["definitions"]
[storage.lake]
path = "lake"
[pools]
warehouse = 2
[executor]
workers = 2
[assets."*"]
owners = ["data@example.org"]
[config."a"]
since = 2013-01-01
[env.prod]
protected = true
executor = { kind = "processes" }
storage = { lake = { kind = "duckdb", path = "lake.db" } }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".headwater").mkdir()
    return tmp_path


def written(root: Path, text: str) -> Path:
    (root / config.FILE_NAME).write_text(text, encoding="utf-8")
    return root


def noted(root: Path) -> list[str]:
    return sorted(one.name for one in (root / ".headwater").iterdir())


def test_a_text_that_was_found_valid_is_read_without_pydantic_and_as_before(root: Path) -> None:
    checked = config.read(written(root, VALID))
    program = (
        "import sys; from pathlib import Path; from headwater import config\n"
        "settings = config.read(Path(sys.argv[1]))\n"
        "print(settings == config._as_written(__import__('tomllib').loads(sys.argv[2])), 'pydantic' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program, root, VALID], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["True", "False"]
    assert config.read(root) == checked
    assert checked.env["prod"].executor == config.ExecutorSection(kind="processes")
    assert noted(root) == ["settings-valid"]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("workers = 2", "workers = 0", "executor.workers: it is 0, and must be at least 1"),
        ("warehouse = 2", "warehouse = -1", "pools.warehouse: it is -1, and must be at least 1"),
        ("workers = 2", "wokers = 2", "no setting executor.wokers"),
        ('kind = "processes"', 'kinds = "processes"', "no setting env.prod.executor.kinds"),
        ('kind = "processes"', "workers = 0", "env.prod.executor.workers: it is 0"),
        ('name = "desk"', 'name = "desk"\ntimezone = "Mars/Olympus"', "no time zone 'Mars/Olympus'"),
        ('kind = "duckdb"', "kind = 3", "env.prod.storage.lake.kind"),
        ("[env.prod]", "[env]\ndev = 3\n[env.prod]", "env.dev: it should be a table"),
        ("protected = true", 'protected = "maybe"', "env.prod.protected"),
        ("[pools]", '[catalog]\npath = "${STATE}/c.db"\n[pools]', "catalog.path: '${STATE}/c.db' is no path"),
        ('name = "desk"', 'name = "de\\u001b[31msk"', "project.name: 'de\\x1b[31msk' holds characters"),
        ("[env.prod]", '[env."a b"]\n[env.prod]', "env: 'a b' is no name of an environment"),
        ("[pools]", '[catalog]\npath = ""\n[pools]', "catalog.path: '' is no path of local files: it is empty"),
    ],
)
def test_what_is_wrong_is_found_although_the_text_before_was_valid(
    root: Path, before: str, after: str, what: str
) -> None:
    config.read(written(root, VALID))

    for _ in range(2):  # what is wrong is not noted as valid either
        with pytest.raises(HeadwaterError, match="HW142") as caught:
            config.read(written(root, VALID.replace(before, after)))
        assert what in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once(root: Path) -> None:
    with pytest.raises(HeadwaterError) as caught:
        config.read(written(root, '[project]\nnames = "desk"\n[pools]\na = "many"\n[executor]\nresource = {}\n'))

    told = str(caught.value)
    assert [one in told for one in ("project.names", "pools.a", "executor.resource")] == [True] * 3
    assert "did you mean 'resources'?" in told


@pytest.mark.parametrize("amount", ['"2"', "2.0"])
def test_values_written_in_another_kind_mean_the_same_each_time(root: Path, amount: str) -> None:
    written(root, f"[executor]\nworkers = {amount}\n")

    assert [repr(config.read(root).executor.workers) for _ in range(2)] == ["2", "2"]
    assert noted(root) == []


def test_looking_at_a_project_without_state_makes_none(tmp_path: Path) -> None:
    config.read(written(tmp_path, VALID))

    assert [one.name for one in tmp_path.iterdir()] == [config.FILE_NAME]


def test_a_note_that_cannot_be_read_or_says_something_else_is_no_note(root: Path) -> None:
    written(root, VALID.replace("workers = 2", "workers = 0"))
    for note in (b"", b"\xff\xfe", b"0" * 64):
        (root / ".headwater" / "settings-valid").write_bytes(note)
        with pytest.raises(HeadwaterError, match=r"executor\.workers"):
            config.read(root)


@pytest.mark.parametrize(
    "text", [b"[pools]\na = " + b"9" * 5000, b"a = " + b"[" * 3000, b"a = 1\na = 2", b"a = '\xff'"]
)
def test_what_cannot_be_read_as_toml_is_told(root: Path, text: bytes) -> None:
    (root / config.FILE_NAME).write_bytes(text)

    with pytest.raises(HeadwaterError, match=r"HW141 headwater\.toml is not valid TOML"):
        config.read(root)


def test_a_byte_order_mark_is_no_part_of_the_first_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HW_TEST_TOKEN", raising=False)
    (root / ".env").write_text("\ufeffHW_TEST_TOKEN=sesame\n", encoding="utf-8")

    assert config.read(written(root, "\ufeff" + VALID)).project.name == "desk"
    assert config.resolve("${HW_TEST_TOKEN}", "here") == "sesame"


@pytest.mark.parametrize("text", [b"A=\xff\n", b"A=a\x00b\n"])
def test_variables_that_cannot_be_read_are_told(root: Path, text: bytes) -> None:
    (root / ".env").write_bytes(text)

    with pytest.raises(HeadwaterError, match=r"HW141 \.env cannot be read"):
        config.read(written(root, VALID))


def test_lines_that_name_no_variable_are_passed_over(root: Path) -> None:
    written(root, VALID)
    (root / ".env").write_text("=x\n# A=b\n ü = 1\n", encoding="utf-8")

    assert config.read(root).project.name == "desk"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[pools]\nw = true", "pools.w"),
        ("[executor]\nworkers = true", "executor.workers"),
        ("[executor.resources]\ngpu = false", "executor.resources.gpu"),
        ("[env.dev.executor]\nrecycle_after_bytes = true", "env.dev.executor.recycle_after_bytes"),
    ],
)
def test_true_is_no_number(root: Path, text: str, place: str) -> None:
    with pytest.raises(
        HeadwaterError, match=rf"HW142 headwater.toml: {place}: it is (true|false), and must be a number"
    ):
        config.read(written(root, text))
