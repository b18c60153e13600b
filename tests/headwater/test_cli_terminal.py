"""What a person sees and is asked on a terminal: a real one, with 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_terminal(*words: str, at: Path, typed: str = "", **variables: str) -> tuple[int, str]:
    """The exit status, and everything that appeared on the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from headwater.cli import main; sys.exit(main())", *words],
        cwd=at,
        env={**environment, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    os.write(master, typed.encode())
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end was closed
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    return process.wait(timeout=30), seen.decode()


def test_states_are_coloured_on_a_terminal(full_shop: Path) -> None:
    assert "\x1b[32m3 fresh\x1b[0m" in on_terminal("status", at=full_shop)[1]


def test_no_color_is_respected(full_shop: Path) -> None:
    assert "\x1b[" not in on_terminal("status", at=full_shop, NO_COLOR="1")[1]


def test_a_run_shows_bars_and_leaves_lines_of_at_most_80_columns(days: Callable[..., Path]) -> None:
    folder = days(bad=("2013-01-03",))
    module = folder / "flights.py"
    module.write_text(
        module.read_text().replace('    print("working', '    import time; time.sleep(0.2)\n    print("working')
    )
    status, seen = on_terminal("materialize", at=folder)
    assert status == 1
    assert "━" in seen
    lines = [ESCAPE.sub("", line) for line in seen.replace("\r", "\n").split("\n")]
    assert any(line.startswith("  failed      staging/flights@2013-01-03  ValueError: no such day") for line in lines)
    assert max(len(line) for line in lines if "File " not in line) <= 80  # paths are kept whole


def test_a_dumb_terminal_gets_plain_lines(days: Callable[..., Path]) -> None:
    assert "━" not in on_terminal("materialize", at=days(), TERM="dumb")[1]


FORCE = ("materialize", "--env", "prod", "--force")


def test_a_protected_environment_asks_and_takes_yes_and_a_reason(days: Callable[..., Path], hw) -> None:
    folder = days()
    status, seen = on_terminal(*FORCE, at=folder, typed="y\nbad file\n")
    assert (status, "prod is protected" in seen) == (0, True)
    assert hw("runs", "--env", "prod", "--json", at=folder).document["runs"][0]["reason"] == "bad file"


def test_a_protected_environment_takes_anything_else_as_no(days: Callable[..., Path], hw) -> None:
    folder = days()
    assert on_terminal(*FORCE, at=folder, typed="\n")[0] == 3
    assert hw("runs", "--env", "prod", "--json", at=folder).document["runs"] == []


def test_a_reason_that_was_given_is_not_asked_for(days: Callable[..., Path]) -> None:
    status, seen = on_terminal(*FORCE, "--reason", "bad file", at=days(), typed="y\n")
    assert (status, "Why?" in seen) == (0, False)


def test_json_on_a_terminal_asks_nothing(days: Callable[..., Path]) -> None:
    assert on_terminal(*FORCE, "--json", at=days())[0] == 3
