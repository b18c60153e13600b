"""What one measured process does: ``python -m benchmarks.peers.child TOOL JOB FOLDER SIZE [PHASE]``."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Prints the answer of one job as the last line: ``start``, ``build`` or ``result``."""
    tool, job, folder, size, phase = (*sys.argv[1:], "")[:5]
    side = importlib.import_module(f"benchmarks.peers.with_{tool}")
    answer: object = None
    if job == "start":
        for name in side.IMPORTS:
            importlib.import_module(name)
    elif job == "build":
        answer = side.build(Path(folder), int(size), phase)
    else:
        answer = side.result(Path(folder), int(size))
    print(f"\n{json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    main()
