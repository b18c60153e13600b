"""The random histories can fail: with one rule of staleness, reuse or environments taken away the machine says so.

A few mutants at a time in ``make test``, all of them in ``make soundness``. A rule that was written anew is entered in
``history_mutants.py`` with its new text.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.soundness.history_mutants import MUTANTS, is_there

QUICK = (
    "changed code is not seen",
    "changed promises are not seen",
    "equal content counts as changed",
    "history is not looked up",
    "everything is promoted",
)
"""Mutants that are noticed within a few histories."""


def test_every_rule_stands_where_a_mutant_takes_it_away() -> None:
    assert [name for name in MUTANTS if not is_there(name)] == []


@pytest.mark.parametrize("name", MUTANTS if "HEADWATER_SEQUENCES" in os.environ else QUICK)
def test_the_machine_notices(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soundness.history_mutants", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
