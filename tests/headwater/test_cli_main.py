"""The program around the commands: errors, exit statuses, streams, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assets_core.errors import HeadwaterError
from headwater import Project

HEADWATER = [sys.executable, "-c", "import sys; from headwater.cli import main; sys.exit(main())"]
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A shell in which ``hw`` is the command."""
    words = f'hw() {{ "{sys.executable}" -c "import sys; from headwater.cli import main; sys.exit(main())" "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", words + command], capture_output=True, text=True, check=False, env={**ENVIRONMENT, **variables}
    )


def test_an_unknown_command_names_the_nearest_one(hw) -> None:
    answer = hw("materialise")
    assert (answer.status, answer.out) == (2, "")
    assert "did you mean 'materialize'?" in answer.err


def test_an_unknown_option_names_the_nearest_one(hw) -> None:
    answer = hw("plan", "--wy")
    assert answer.status == 2
    assert "did you mean '--why'?" in answer.err


def test_wrong_use_with_json_gives_a_document(hw) -> None:
    answer = hw("plan", "--wy", "--json")
    assert answer.document["ok"] is False
    assert answer.document["errors"][0]["code"] == "HW620"


def test_a_folder_without_a_project_is_wrong_use(hw, tmp_path) -> None:
    answer = hw("status", at=tmp_path)
    assert answer.status == 2
    assert answer.err.startswith("HW606 ")


def test_what_is_no_number_is_called_that(hw) -> None:
    assert "'x' is not a valid whole number\n" in hw("runs", "--limit", "x").err


def test_an_error_is_a_document_with_json_and_text_on_standard_error(hw, shop) -> None:
    answer = hw("plan", "marts/custmers", "--json", at=shop)
    assert answer.status == 2
    assert answer.document == {
        "headwater": 1,
        "project": "shop",
        "env": "dev",
        "ok": False,
        "errors": [
            {
                "code": "HW602",
                "message": "no asset 'marts/custmers'",
                "where": "",
                "hint": "did you mean 'marts/customers'?",
            }
        ],
        "warnings": [],
    }
    assert "HW602" in answer.err


def test_options_may_stand_before_the_command_and_behind_it(hw, full_shop) -> None:
    before = hw("--json", "-C", full_shop, "status")
    behind = hw("status", "--json", "-C", full_shop)
    assert before.out == behind.out
    assert before.document["ok"] is True


def test_an_unexpected_exception_shows_no_traceback(hw, full_shop, monkeypatch) -> None:
    monkeypatch.setattr("headwater.project.Project.runs", lambda self, limit: 1 / 0)
    answer = hw("runs", at=full_shop)
    assert answer.status == 1
    assert "ZeroDivisionError: division by zero" in answer.err
    assert "Traceback" not in answer.err
    assert "-v" in answer.err


def test_an_unexpected_exception_shows_its_traceback_with_v(hw, full_shop, monkeypatch) -> None:
    monkeypatch.setattr("headwater.project.Project.runs", lambda self, limit: 1 / 0)
    answer = hw("runs", "-v", at=full_shop)
    assert answer.status == 1
    assert "Traceback (most recent call last)" in answer.err


def test_every_definition_error_is_told(hw, shop) -> None:
    (shop / "headwater.toml").write_text('[project]\nmodules = ["one", "two"]\n')
    (shop / "one.py").write_text("1 / 0\n")
    (shop / "two.py").write_text("nope\n")
    answer = hw("validate", "--json", at=shop)
    assert answer.status == 2
    assert [error["where"] for error in answer.document["errors"]] == ["one.py:1", "two.py:1"]


def test_what_a_module_prints_is_not_part_of_the_answer(hw, full_shop) -> None:
    module = full_shop / "assets.py"
    module.write_text("print('hello')\n" + module.read_text())
    answer = hw("status", "--json", at=full_shop)
    assert answer.document["ok"] is True
    assert "hello" in answer.err


def test_what_a_child_process_prints_is_not_part_of_the_document(full_shop) -> None:
    module = full_shop / "assets.py"
    module.write_text("import os\nos.system('echo hello')\n" + module.read_text())
    said = shell(f"hw status --json -C {full_shop}")
    assert json.loads(said.stdout)["ok"] is True
    assert "hello" in said.stderr


@pytest.mark.parametrize("form", ["--format json", "--format=openlineage", "--format dot"])
def test_nor_is_it_part_of_a_form_of_lineage(full_shop, form) -> None:
    with open(full_shop / "assets.py", "a") as module:
        module.write("import os\nos.system('echo hello')\n")
    answer = shell(f"hw -C {full_shop} lineage marts/customers {form}")
    assert (answer.returncode, "hello" in answer.stdout, "hello" in answer.stderr) == (0, False, True)


@pytest.mark.parametrize("form", [("--format", "json"), ("--format=json",)])
def test_wrong_use_with_the_form_json_gives_a_document(hw, form) -> None:
    assert hw("lineage", *form, "--bogus").document["errors"][0]["code"] == "HW620"


def test_a_closed_standard_input_cannot_be_read() -> None:
    said = shell("hw lineage --sql - <&-")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("HW621 cannot read standard input")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path) -> None:
    (tmp_path / "headwater.toml").write_text('[project]\nname = "quiet"\nmodules = ["quiet"]\n')
    (tmp_path / "quiet.py").write_text("""
import os
import polars as pl
from headwater import asset

@asset
def one() -> pl.DataFrame:
    os.write(1, b"by number")
    assert os.system("echo from a child") == 0
    return pl.DataFrame({"n": [1]})
""")
    said = shell(f"hw -C {tmp_path} materialize <&- >&- 2>&-; echo $? >{tmp_path}/status")
    assert ((tmp_path / "status").read_text(), said.stderr) == ("0\n", "")
    with Project.load(tmp_path) as project:
        assert project.scan("one").collect().to_dicts() == [{"n": 1}]
        assert project.verify().ok


def test_python_runs_the_package_as_the_command(full_shop) -> None:
    said = shell(f'"{sys.executable}" -m headwater materialize --force --executor processes --json -C {full_shop}')
    assert said.returncode == 0
    assert json.loads(said.stdout)["ok"]


def test_a_reader_that_goes_away_is_no_failure(full_shop) -> None:
    said = shell(f"set -o pipefail; hw data staging/orders --json -C {full_shop} | true; echo ${{PIPESTATUS[0]}}")
    assert (said.stdout, said.stderr) == ("0\n", "")


@pytest.mark.parametrize("words", ["ls -C {shop}", "--help", "--version", "materialize --help"])
def test_an_answer_that_cannot_be_written_is_a_failure(full_shop, words: str) -> None:
    said = shell(f"hw {words.format(shop=full_shop)} > /dev/full")
    assert said.returncode == 1
    assert "cannot write the answer" in said.stderr
    assert "cannot write" in said.stderr
    assert "Traceback" not in said.stderr


def test_characters_that_the_terminal_lacks_stop_nothing(full_shop) -> None:
    said = shell(f"hw lineage marts/customers:spent -C {full_shop}", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.returncode == 0
    assert "staging/orders:amount" in said.stdout


def test_the_environment_variable_names_the_environment(hw, full_shop, monkeypatch) -> None:
    with (full_shop / "headwater.toml").open("a") as settings:
        settings.write("\n[env.branch]\n")
    monkeypatch.setenv("HEADWATER_ENV", "branch")
    assert hw("status", "--json", at=full_shop).document["env"] == "branch"


SLEEPER = """
import time
import polars as pl
from headwater import asset

@asset(key="slow")
def slow() -> pl.DataFrame:
    open("started", "w").close()
    for _ in range(100):
        time.sleep(0.05)
    return pl.DataFrame({"a": [1]})

@asset(key="after")
def after(slow: pl.LazyFrame) -> pl.LazyFrame:
    return slow
"""


@pytest.mark.parametrize(
    ("number", "status", "select"),
    [(signal.SIGINT, 130, "slow after"), (signal.SIGTERM, 143, "slow after"), (signal.SIGINT, 130, "slow")],
    ids=["interrupted", "terminated", "interrupted at the last step"],
)
def test_a_signal_ends_the_run_in_order_and_shows_in_the_status(
    tmp_path: Path, number: int, status: int, select: str
) -> None:
    (tmp_path / "headwater.toml").write_text('[project]\nmodules = ["slow"]\n')
    (tmp_path / "slow.py").write_text(SLEEPER)
    process = subprocess.Popen(
        [*HEADWATER, "materialize", "--json", *select.split()],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    document = json.loads(out)
    assert process.returncode == status, err
    assert document["ok"] is False
    assert "Traceback" not in err.decode()


def test_an_interrupted_run_keeps_what_it_finished_and_the_next_one_does_the_rest(
    days: Callable[..., Path], hw
) -> None:
    folder = days()
    module = folder / "flights.py"
    module.write_text(
        module.read_text().replace('    print("working', '    import time; time.sleep(0.2)\n    print("working')
    )
    process = subprocess.Popen(
        [*HEADWATER, "materialize", "--workers", "2", "--progress", "json"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while '"settled"' not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    events = [json.loads(line) for line in process.stderr]
    assert process.wait(timeout=30) == 130
    finished = 1 + sum(event.get("state") == "succeeded" for event in events)
    assert events[-1]["counts"]["cancelled"] == 11 - finished
    rest = hw("materialize", "--json", at=folder).document
    assert (rest["ok"], rest["counts"]) == (True, {"succeeded": 11 - finished})


def test_force_in_a_protected_environment_is_refused_without_yes(hw, days: Callable[..., Path]) -> None:
    folder = days()
    answer = hw("materialize", "--env", "prod", "--force", "--json", at=folder)
    assert answer.status == 3
    assert answer.document["errors"][0]["code"] == "HW720"
    assert "--yes" in answer.document["errors"][0]["hint"]


def test_force_in_a_protected_environment_is_refused_without_a_reason(hw, days: Callable[..., Path]) -> None:
    folder = days()
    answer = hw("materialize", "--env", "prod", "--force", "--yes", at=folder)
    assert answer.status == 3
    assert "--reason" in answer.err


def test_force_in_a_protected_environment_records_its_reason(hw, days: Callable[..., Path]) -> None:
    folder = days()
    answer = hw("materialize", "--env", "prod", "--force", "--yes", "--reason", "bad file", "--json", at=folder)
    assert answer.status == 0
    shown = hw("runs", "show", answer.document["run"], "--env", "prod", "--json", at=folder)
    assert shown.document["run"]["reason"] == "bad file"


def test_no_command_at_all_shows_the_overview_as_wrong_use(hw) -> None:
    answer = hw()
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("Usage: headwater")


def test_no_command_at_all_with_json_gives_a_document(hw) -> None:
    assert hw("--json").document["errors"][0]["code"] == "HW620"


LEAVING = """
import atexit, threading
from headwater import asset

def later():
    threading.main_thread().join()
    print("the thread has ended", flush=True)

threading.Thread(target=later).start()
atexit.register(print, "the handler was called")

@asset(key="a")
def a() -> object: ...
"""


def test_the_process_ends_only_after_threads_and_exit_handlers(tmp_path: Path) -> None:
    (tmp_path / "headwater.toml").write_text('[project]\nname = "leaving"\nmodules = ["leaving"]\n')
    (tmp_path / "leaving.py").write_text(LEAVING)
    done = subprocess.run(
        [*HEADWATER, "-C", str(tmp_path), "ls"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == ["the thread has ended", "the handler was called"]


def test_a_profiler_sees_the_end(tmp_path: Path) -> None:
    program = "from headwater.cli import main; import sys; sys.argv[1:] = ['--version']; print(main())"
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "-o", str(tmp_path / "profile"), str(script)],
        capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0"
    assert (tmp_path / "profile").stat().st_size


IN_A_CYCLE = """
import weakref
import polars as pl
from headwater import asset

class Large: ...

left = []

@asset(key="a", version="1")
def a() -> pl.DataFrame:
    one = Large()
    one.itself = one
    left.append(weakref.ref(one))
    return pl.DataFrame({"id": [1]})

@asset(key="b", version="1")
def b(a: pl.DataFrame) -> pl.DataFrame:
    small = [[] for _ in range(10_000)]
    return a.with_columns(gone=left[0]() is None)
"""


def test_what_a_step_left_in_a_cycle_is_let_go_while_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "headwater.toml").write_text('[project]\nname = "cycles"\nmodules = ["cycles"]\n')
    (tmp_path / "cycles.py").write_text(IN_A_CYCLE)
    command = f'hw -C "{tmp_path}" materialize --quiet && hw -C "{tmp_path}" data b --json'
    assert json.loads(shell(command).stdout)["rows"] == [[1, True]]


@pytest.mark.parametrize(
    "words",
    [
        ("materialize", "", "--force"),
        ("materialize", "staging/orders", " , "),
        ("materialize", "--exclude", ""),
        ("materialize", "--env", ""),
        ("--env", "", "materialize"),
        ("backfill", "--from", "", "--to", ""),
    ],
)
def test_what_an_unset_variable_leaves_does_not_mean_everything(hw, shop, words) -> None:
    answer = hw(*words, at=shop)
    assert (answer.status, answer.out) == (2, "")
    assert "it is empty" in answer.err
    assert not (shop / ".headwater").exists()


def test_an_empty_name_does_not_reach_a_protected_environment(shop) -> None:
    (shop / "headwater.toml").write_text(
        '[project]\nname = "shop"\nmodules = ["assets"]\ndefault_env = "prod"\n[env.prod]\nprotected = true\n'
    )
    with pytest.raises(HeadwaterError, match="HW609"):
        Project.load(shop, env="")


def test_a_value_that_would_be_lost_is_refused(hw, shop) -> None:
    answer = hw("plan", "--exclude", "staging/orders", "--exclude", "marts/customers", at=shop)
    assert (answer.status, answer.out) == (2, "")
    assert "--exclude is given twice" in answer.err
    assert hw("plan", "-q", "-q", "--why", "--why", "--env", "dev", "--env", "dev", at=shop).status == 0
