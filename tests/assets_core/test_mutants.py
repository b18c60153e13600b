"""The rules are protected: taking any one of them away makes a test of this folder fail.

A rule that was written anew is entered here with its new text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MUTATE = Path(__file__).with_name("mutate.py")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="every mutant is tried in a forked process")

STALENESS = {
    "data that is gone": ("if slot in facts.absent:", "if False:"),
    "volatile assets": ("if not asset.volatile:", "if True:"),
    "code": ("if _code_differs(slot, shown, recorded, facts):", "if False:"),
    "config": ("recorded.config, own.config", "own.config, own.config"),
    "config in a plan": ("if changes or not config:", "if True:"),
    "settings": ("recorded.settings, own.settings", "own.settings, own.settings"),
    "the window": ("yield from _window_difference(slot, asset, recorded)", "pass"),
    "inputs that were dropped": ("yield from _dropped_inputs(slot, asset, recorded, facts)", "pass"),
    "another asset under one name": ("recorded is None or recorded.asset != bound.key", "recorded is None"),
    "an input whose schema is unknown": ("columns = recorded.columns\n", "return\n"),
    "columns that are gone": ("gone = [name for name in before if name not in there]", "gone = []"),
    "types": ("and before[name] != now[name]]", "and False]"),
    "the order of columns": (
        "moved = [name for name in before if name in now]",
        "moved = [name for name in now if name in before]",
    ),
    "slots that came or went": (
        "    yield from _slots_differ(before, now, about, facts)\n    read_set",
        "    read_set",
    ),
    "versions": ("if same_set and now is not None and part.version == now:", "if same_set and now is not None:"),
    "early cutoff": ("if same_set and now is not None and part.version == now:", "if False:"),
    "early cutoff under another read set": ("if not same_set and now is not None and", "if False and"),
    "unknown versions": (
        "changed_columns(old.version, made.version, read_set) or read_set or (ROWS,)",
        "changed_columns(old.version, made.version, read_set)",
    ),
    "deps": ("if facts.version_of(made, tuple(name for name, _ in made.schema)) != part.version:", "if False:"),
    "new deps": (
        'now ordered after {dep}", about)\n        return',
        'now ordered after {dep}", about) if False else None\n        return',
    ),
    "checks that are outstanding": ("check.severity is Severity.BLOCKING and check.rule not in passed", "False"),
    "checks that only warn": (
        "check.severity is Severity.BLOCKING and check.rule not in passed",
        "check.rule not in passed",
    ),
    "relaxed checks": ("if result.blocks and result.rule in declared", "if result.blocks"),
    "blocked under another recipe": ("recipe is None or recipe.id != aside.recipe.id", "recipe is None"),
}
PLAN = {
    "order": ("after.add(self._place[upstream])", "pass"),
    "what may change": ("tuple(sorted(after)), not own and not self.force", "tuple(sorted(after)), False"),
    "missing upstream": ("lacking.setdefault(upstream.asset, []).append(upstream)", "pass"),
    "stale upstream": ("elif self.verdicts.get(upstream, FRESH).state is not SlotState.FRESH:", "elif False:"),
    "one step a maker": ("if asset.maker in self._done:", "if False:"),
    "the cone": ("verdict = _with_cone(slot, verdict, unfresh, facts)", "pass"),
    "new slots of an input read whole": ("(needed or one in facts.published)", "True"),
    "slots that can never run": (
        "if any(self._cannot_be(one) for lacked in lacking.values() for one in lacked):",
        "if False:",
    ),
    "what reads slots that can never run": ("slot in self._impossible or slot not in", "slot not in"),
    "force": ("if self.force:", "if False:"),
    "selected partitions": ("if partitions is not None and first.partition not in partitions:", "if False:"),
    "siblings of a multi-asset": ("waiting.extend(one.key for one in facts.graph.makers[definition.maker])", "pass"),
    "fresh slots": ("        if not reasons:\n", "        if False:\n"),
}
MAPPINGS = {
    "identity needs one grid": (
        "if mapping is None and (up.unit, up.timezone, up.start) == (down.unit, down.timezone, down.start):",
        "if mapping is None:",
    ),
    "the last slot": ("for place in range(first, last + 1):", "for place in range(first, last):"),
    "missing outside": ("elif outside is Outside.MISSING:", "elif False:"),
    "windows of a wider reader": ("last = last_place(up, end) if", "last = first if"),
    "unequal static keys": ("if timed or (down == up and mapping is None):", "if timed or mapping is None:"),
}
OTHERS = {
    "facts: what is published of an input read whole": (
        "assets_core.facts",
        "return [one for one in slots if one in self.published] or slots",
        "return slots",
        "test_plan",
    ),
    "versions: rows": (
        "assets_core.versions",
        '"keyed", version.rows, version.key',
        '"keyed", version.key',
        "test_versions",
    ),
    "versions: the key": (
        "assets_core.versions",
        '"keyed", version.rows, version.key',
        '"keyed", version.rows',
        "test_versions",
    ),
    "versions: the scheme of plans": (
        "assets_core.versions",
        "and recorded.plan_scheme == current.plan_scheme",
        "",
        "test_versions",
    ),
    "versions: no evidence": (
        "assets_core.versions",
        "if current.source is None:\n        return None",
        "",
        "test_versions",
    ),
    "recipe: columns": ("assets_core.recipe", "one.asset, one.columns,", "one.asset,", "test_recipe"),
    "recipe: materializations are evidence only": (
        "assets_core.recipe",
        "(part.partition, part.version)",
        "part",
        "test_recipe",
    ),
    "recipe: the window": ("assets_core.recipe", "self.partition, self.window,", "self.partition,", "test_recipe"),
    "run: lost twice": ("assets_core.run", "if follows and", "if False and", "test_run_table"),
    "run: waiting for all": (
        "assets_core.run",
        "if self._waiting[reader] == 0:",
        "if self._waiting[reader] <= 1:",
        "test_run_table",
    ),
    "run: cancelled is not failed": (
        "assets_core.run",
        "cancelled = state is StepState.CANCELLED",
        "cancelled = False",
        "test_run_table",
    ),
    "partitions: the hour that comes twice": (
        "assets_core.partitions",
        "definition.place_at(end.astimezone(UTC) - timedelta",
        "definition.place_at(end - timedelta",
        "test_mappings",
    ),
    "partitions: only what has ended": (
        "assets_core.partitions",
        "max(0, self._place_of_moment(now))",
        "max(0, self._place_of_moment(now) + 1)",
        "test_partitions",
    ),
    "digest: lengths of text": (
        "assets_core.digest",
        'b"s%d:%b" % (len(body), body)',
        'b"s:%b" % body',
        "test_digest",
    ),
    "digest: lengths of lists": (
        "assets_core.digest",
        'b"l%d:%b" % (len(body), body)',
        'b"l:%b" % body',
        "test_digest",
    ),
    "staleness: age": (
        "assets_core.staleness",
        "elif facts.now - shown.created >= asset.max_age:",
        "else:",
        "test_volatile",
    ),
    "staleness: final slots": (
        "assets_core.staleness",
        "if end is not None and shown.created >= end + asset.final_after:",
        "if False:",
        "test_volatile",
    ),
    "digest: bool is no int": ("assets_core.digest", 'b"b1:1" if value else b"b1:0"', "_number(value)", "test_digest"),
    "graph: ambiguity": ("assets_core.graph", "if len(matches) == 1:", "if matches:", "test_graph"),
    "graph: defaults never bind": (
        "assets_core.graph",
        "if not one.default or one.name in asset.inputs",
        "",
        "test_graph",
    ),
    "graph: case": (
        "assets_core.graph",
        "folded.get(definition.key.lower())",
        "folded.get(definition.key)",
        "test_graph",
    ),
}

MUTANTS: dict[str, tuple[str, ...]] = {
    **{f"staleness: {name}": ("assets_core.staleness", *pair, "test_staleness") for name, pair in STALENESS.items()},
    **{f"plan: {name}": ("assets_core.plan", *pair, "test_plan") for name, pair in PLAN.items()},
    **{f"mappings: {name}": ("assets_core.mappings", *pair, "test_mappings") for name, pair in MAPPINGS.items()},
    **OTHERS,
}


def verdicts(mutants: list[tuple[str, ...]]) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(MUTATE)], input=json.dumps(mutants), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_without_a_change_the_tests_pass_and_the_proof_below_means_something() -> None:
    files = sorted({mutant[3] for mutant in MUTANTS.values()})
    first = "FRESH = Verdict(SlotState.FRESH)"
    assert verdicts([("assets_core.staleness", first, f"{first}  # the same", *files)]) == ["survived"]


def test_every_rule_that_is_taken_away_is_missed_by_a_test() -> None:
    found = dict(zip(MUTANTS, verdicts(list(MUTANTS.values())), strict=True))
    assert {name: one for name, one in found.items() if one != "killed"} == {}
