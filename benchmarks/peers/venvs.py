"""A virtual environment for each tool, made once under ``.peers/`` and made anew when its requirements change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.peers.tools import TOOLS

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".peers"


def python(tool: str) -> Path:
    """The interpreter that a tool runs in.

    Raises:
        RuntimeError: it does not install; says why.
    """
    wanted = TOOLS[tool].requirements
    if not wanted:
        return Path(sys.executable)
    place = CACHE / tool
    stamp = place / ".installed"
    found = place / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != "\n".join(wanted):
        print(f"peers: installing {' '.join(wanted)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        done = subprocess.run(
            [str(found), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *wanted],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise RuntimeError((errors or [f"pip ended with {done.returncode}"])[-1])
        stamp.write_text("\n".join(wanted))
    return found
