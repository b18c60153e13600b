"""Headwater with one rule taken away, against random histories: ``python -m tests.soundness.history_mutants NAME``.

Exits with 0 if the machine noticed, with 1 if it did not. Every mutant has a process of its own, because its module is
loaded from another text.
"""

from __future__ import annotations

import os
import sys

from tests.assets_core.mutate import MutantFinder, file_of

AT_MOST = int(os.environ.get("HEADWATER_SEQUENCES", "150"))
"""Histories that are tried; most mutants need a few."""

MUTANTS: dict[str, tuple[str, str, str]] = {
    "changed code is not seen": (
        "assets_core.staleness",
        "if _code_differs(slot, shown, recorded, facts):",
        "if False:",
    ),
    "changed settings are not seen": (
        "assets_core.staleness",
        "recorded.config, own.config",
        "own.config, own.config",
    ),
    "changed promises are not seen": (
        "assets_core.staleness",
        "recorded.settings, own.settings",
        "own.settings, own.settings",
    ),
    "data that is gone is not seen": ("assets_core.staleness", "if slot in facts.absent:", "if False:"),
    "equal content counts as changed": (
        "assets_core.staleness",
        "if same_set and now is not None and part.version == now:",
        "if False:",
    ),
    "checks that never ran are not outstanding": (
        "assets_core.staleness",
        "check.severity is Severity.BLOCKING and check.rule not in passed",
        "False",
    ),
    "what was accepted is not looked up": ("assets_core.staleness", "if accepted is not None:", "if False:"),
    "any code is accepted with one": (
        "assets_core.staleness",
        "for one in reversed(known) if same_code(one.code, now)",
        "for one in reversed(known)",
    ),
    "what differs beside the code is accepted too": (
        "headwater.accept",
        "            if others:",
        "            if False:",
    ),
    "history is not looked up": (
        "materializers.considering",
        "return self._scene.catalog.find_recipes(asked) if asked else {}",
        "return {}",
    ),
    "what a check set aside is published from history": (
        "materializers.considering",
        "settled = all(not one.blocked for one in records.values())",
        "settled = True",
    ),
    "what was withdrawn is found in history": (
        "lineage.catalog.reader",
        '" (select 1 from retirement t where t.materialization = m.sequence)"\n                " and m.recipe',
        '" (select 1 from retirement t where false)"\n                " and m.recipe',
    ),
    "everything is promoted": ("headwater.promote", "if one.code not in _NO_DIFFERENCE]", "if False]"),
    "what moved meanwhile is overwritten unseen": (
        "headwater.promote",
        "if ours.id_of(slot) not in (None, past.id_of(slot))",
        "if False",
    ),
    "held slots are promoted onto": (
        "headwater.promote",
        "dict.fromkeys(held, ",
        "dict.fromkeys((), ",
    ),
    "a rollback holds nothing": ("headwater.environments", "moves=tuple(moves), hold=hold", "moves=tuple(moves)"),
    "a rollback shows what was withdrawn": (
        "headwater.environments",
        "if past is not None and past.retired:",
        "if False:",
    ),
    "a withdrawal leaves other environments alone": (
        "headwater.withdraw",
        "for env, recorded, identifier in catalog.shown_by(ids):",
        "for env, recorded, identifier in [one for one in catalog.shown_by(ids) if one[0] == project.env]:",
    ),
}


def noticed(name: str) -> bool:
    """Whether the machine fails on a mutant."""
    module, old, new = MUTANTS[name]
    sys.meta_path.insert(0, MutantFinder(module, old, new))
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    from tests.soundness.test_history_machine import Histories

    limits = settings(Histories.TestCase.settings, max_examples=AT_MOST, derandomize=True, database=None)
    try:
        run_state_machine_as_test(Histories, settings=limits)
    except Exception as error:  # noqa: BLE001 -- the machine may notice in any way
        print(f"{type(error).__name__}: {str(error)[:300]}")
        return True
    return False


def is_there(name: str) -> bool:
    """Whether the text that a mutant changes occurs exactly once."""
    module, old, _ = MUTANTS[name]
    return file_of(module).read_text(encoding="utf-8").count(old) == 1


if __name__ == "__main__":
    sys.exit(0 if noticed(sys.argv[1]) else 1)
