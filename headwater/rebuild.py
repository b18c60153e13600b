"""Building every plan a second time in another process: a plan that comes out differently would be stale for ever."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from assets_core.records import Derivation

if TYPE_CHECKING:
    from headwater.project import Project

SECONDS = 120.0
"""How long the other process may take."""
_SEEDS = ("4711", "1147")


def unsteady(project: Project, derivations: Mapping[str, Derivation]) -> tuple[str, ...]:
    """Sentences on assets whose function builds another plan each time it is called.

    The clock, random numbers, and the order of a set that is written into the plan: in a process with another hash
    seed they come out differently. One process for all assets; none where no plan decides. Costs one loading of the
    project.

    Arguments:
        derivations: as this process made them.
    """
    plans = {key: one.code.plan for key, one in derivations.items() if _has_plan(project, key, one)}
    if not plans or project.loaded_with is None:
        return ()
    seed = next(one for one in _SEEDS if one != os.environ.get("PYTHONHASHSEED"))
    words = [sys.executable, "-m", "headwater.rebuild", str(project.root), project.env, *project.loaded_with]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    try:
        done = subprocess.run(  # noqa: S603 -- this interpreter, with our own module
            words, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True
        )
        again = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return (
            f"loading the project a second time took longer than {SECONDS:.0f} s: not known whether plans are steady",
        )
    except (subprocess.CalledProcessError, OSError, ValueError):
        return (
            "the project could not be loaded a second time in a process of its own: not known whether plans are steady",
        )
    return tuple(
        f"{key} builds another plan each time it is called, so it would never be fresh: take the clock, random numbers "
        "and the order of sets out of it (sorted(), a Config), or declare it volatile"
        for key, plan in plans.items()
        if again.get(key) != plan
    )


def _has_plan(project: Project, key: str, derivation: Derivation) -> bool:
    return project.graph.asset(key).sql is None and derivation.code.plan is not None


def main(words: Iterable[str]) -> int:
    """Prints the plan digest of every asset as one JSON document."""
    root, env, *settings = words
    with contextlib.redirect_stdout(sys.stderr):  # what modules print is not the answer
        from headwater.project import Project
        from headwater.validate import derivations

        with Project.load(root, env=env, set=settings) as project:
            plans = {key: one.code.plan for key, one in derivations(project).items()}
    sys.stdout.write(json.dumps(plans))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
