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
        'if f"deps:{dep}" not in before:',
        "if False:",
    ),
    "checks that are outstanding": ("check.severity is Severity.BLOCKING and check.rule not in passed", "False"),
    "checks that only warn": (
        "check.severity is Severity.BLOCKING and check.rule not in passed",
        "check.rule not in passed",
    ),
    "relaxed checks": ("if result.blocks and result.rule in declared", "if result.blocks"),
    "acceptances of other code": ("if same_code(one.code, now)), None)", "if True), None)"),
    "acceptances beside other differences": (
        "all(one.code is ReasonCode.ACCEPTED",
        "any(one.code is ReasonCode.ACCEPTED",
    ),
    "blocked under another recipe": ("recipe is None or recipe.id != aside.recipe.id", "recipe is None"),
}
PLAN = {
    "order": ("            if key in self._block:\n", "            if False:\n"),
    "what may change": ("Why(reasons, not own and not self.force, self.force)", "Why(reasons, False, self.force)"),
    "missing upstream": ("missing.setdefault(one.asset, []).append(one)", "pass"),
    "stale upstream": ("one and other and not third for one", "False for one"),
    "one step a maker": ("if asset.maker in self._done:", "if False:"),
    "slots that can never run": (
        "if any(self._cannot_be(one) for one in lacking):",
        "if False:",
    ),
    "what reads slots that can never run": ("return 0 if left_out is None else left_out[place]", "return 0"),
    "force": ("        if self.force:\n", "        if False:\n"),
    "selected partitions": ("if partitions is None:", "if True:"),
    "siblings of a multi-asset": ("waiting.extend(one.key for one in facts.graph.makers[definition.maker])", "pass"),
    "accepted slots": ("in (ReasonCode.UPSTREAM_STALE, ReasonCode.ACCEPTED)", "in (ReasonCode.UPSTREAM_STALE,)"),
    "fresh slots": ("        if not reasons:\n", "        if False:\n"),
}
STATES = {
    "the cone": ("        _add_cone(states, unfresh, facts)\n", "        pass\n"),
    "new slots of an input read whole": ("if spans.whole else unfresh[key]", "if False else unfresh[key]"),
    "held slots are fresh for their readers": (
        "{SlotState.FRESH, SlotState.ACCEPTED, SlotState.HELD}",
        "{SlotState.FRESH, SlotState.ACCEPTED}",
    ),
    "accepted slots are fresh for their readers": (
        "{SlotState.FRESH, SlotState.ACCEPTED, SlotState.HELD}",
        "{SlotState.FRESH, SlotState.HELD}",
    ),
    "accepted slots are stale where what they read is": (
        "in (SlotState.FRESH, SlotState.ACCEPTED)",
        "in (SlotState.FRESH,)",
    ),
    "what the inputs show": (
        "elif then != (number, now) or number is None or now is None:",
        "elif then is None or then[0] != number or now is None:",
    ),
    "the standing": (
        "elif then != (number, now) or number is None or now is None:",
        "elif then is None or then[1] != now:",
    ),
    "volatile assets": ("standing is not None and not facts.graph.asset(states.key).volatile", "standing is not None"),
    "slots with something of their own": ("sorted({*doubtful, *special})", "sorted({*doubtful})"),
    "the calendar": ("known is None or known.calendar != standing.calendar", "known is None"),
    "alike only on the same inputs": ("group is None or now is None or basis != now", "group is None"),
}
MAPPINGS = {
    "identity needs one grid": ("reads", "down is not None and same_grid(down, up)", "down is not None"),
    "the last slot": ("links", "one.instant(place + 1) - 1) + 1)", "one.instant(place + 1) - 1))"),
    "missing outside": ("reads", "if outside is Outside.MISSING:\n", "if False:\n"),
    "no last window": (
        "reads",
        "if reads_last(mapping) and lacks_last(chosen, place, now) else ()",
        "if False else ()",
    ),
    "windows of a wider reader": ("links", "if self.wide else begin\n", "if False else begin\n"),
    "an offset": ("links", "range(begin + self.first, ", "range(begin, "),
    "the newest that ended": (
        "links",
        "self.up.place_of(self.down.instant(place + 1)) - 1\n",
        "self.up.place_of(self.down.instant(place + 1))\n",
    ),
    "who reads a window": (
        "links",
        "self.down.place_of(self.up.instant(place - self.first + 1) - 1)",
        "self.down.place_of(self.up.instant(place - self.first))",
    ),
}
OTHERS = {
    "published: what the inputs of a whole asset show": (
        "assets_core.published",
        " and self.bases == list(bases)",
        "",
        "test_states",
    ),
    "published: the standing of a whole asset": (
        "assets_core.published",
        "self.numbers == [number] * len(bases) and ",
        "",
        "test_states",
    ),
    "published: which partitions columns are of": (
        "assets_core.published",
        "if seen.partitions != list(partitions):",
        "if False:",
        "test_states",
        "test_published",
    ),
    "published: columns end when something of them changes": (
        "assets_core.published",
        "            del self._glances[asset]",
        "            pass",
        "test_states",
        "test_published",
    ),
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
        "StepState.CANCELLED: StepEvent.CANCELLED",
        "StepState.CANCELLED: StepEvent.UPSTREAM_LOST",
        "test_run_table",
    ),
    "partitions: the hour that comes twice": (
        "assets_core.partitions.time_windows",
        "shown = begin if begin.fold else begin.replace(tzinfo=None)",
        "shown = begin.replace(tzinfo=None)",
        "test_partitions",
    ),
    "partitions: only what has ended": (
        "assets_core.partitions.time_windows",
        "max(0, self.place_at(now - self.offset))",
        "max(0, self.place_at(now - self.offset) + 1)",
        "test_partitions",
    ),
    "digest: lengths of text": (
        "assets_core.digest",
        'f"s{len(value)}:{value}"',
        'f"s:{value}"',
        "test_digest",
    ),
    "digest: lengths of lists": (
        "assets_core.digest",
        'f"l{len(body)}:{body}"',
        'f"l:{body}"',
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
    "digest: bool is no int": (
        "assets_core.digest",
        '"b1:1" if value else "b1:0"',
        "_number(int(value))",
        "test_digest",
    ),
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
    **{
        f"staleness: {name}": ("assets_core.staleness", *pair, "test_accepted", "test_staleness")
        for name, pair in STALENESS.items()
    },
    **{f"plan: {name}": ("assets_core.planning", *pair, "test_accepted", "test_plan") for name, pair in PLAN.items()},
    **{
        f"states: {name}": ("assets_core.states", *pair, "test_states", "test_plan", "test_held", "test_accepted")
        for name, pair in STATES.items()
    },
    **{
        f"mappings: {name}": (f"assets_core.mappings.{module}", *pair, "test_mappings", "test_mappings_both_ways")
        for name, (module, *pair) in MAPPINGS.items()
    },
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
