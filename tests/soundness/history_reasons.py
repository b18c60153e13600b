"""Whether the reasons that are given for a slot name something that really happened, as the model knows it."""

from __future__ import annotations

from collections.abc import Mapping

from assets_core.keys import Slot
from assets_core.staleness import Reason, Verdict
from tests.soundness.history_model import Model
from tests.soundness.history_project import multiset

SETTLED = ("fresh", "accepted", "held")
"""States in which a slot stays as it is."""


def hold_water(model: Model, env: str, verdicts: Mapping[Slot, Verdict]) -> None:
    """Fresh is what computing everything anew would give; everything else has reasons, each of them true."""
    states = {slot.asset: str(verdict.state) for slot, verdict in verdicts.items()}
    if env in model.frozen:  # it stays as it is, whatever the files have become
        assert states == dict.fromkeys(model.shown[env], "held"), (env, states)
        return
    assert states.keys() == model.files.nodes.keys()
    for slot, verdict in verdicts.items():
        key = slot.asset
        assert bool(verdict.reasons) == (verdict.state != "fresh"), (env, slot, verdict)
        assert (verdict.state == "held") == (key in model.held[env]), (env, slot, verdict)
        _holds_what_was_accepted(model, env, key, states)
        if verdict.state == "fresh":
            shown, want = model.content(env, key), model.want(env, key)
            assert shown is not None, (env, key)
            assert want is not None, (env, key)
            assert multiset(shown) == multiset(want), (env, key, shown, want)
            assert not model.violated(key, shown), (env, key)
            made, node = model.made[model.shown[env][key]], model.files.nodes[key]
            assert made.location not in model.lost, (env, key)
            assert made.node.promises == node.promises, (env, key)
            assert (made.node.configured, made.number) == (node.configured, model.files.number(env, key, {})) or not (
                node.configured
            ), (env, key)
        for reason in verdict.reasons:
            assert _is_true(model, env, key, reason, states), (env, key, reason)


def _holds_what_was_accepted(model: Model, env: str, key: str, states: Mapping[str, str]) -> None:
    """What stays because somebody accepted it is called so, and nothing else is."""
    if key in model.held[env]:
        return
    stays = model.stays(env, key)
    settled = all(states.get(one, "fresh") in SETTLED for one in model.files.nodes[key].inputs)
    assert states[key] != "accepted" or stays is not False, (env, key)
    assert states[key] == "accepted" or not stays or not settled, (env, key, states)


def _is_true(model: Model, env: str, key: str, reason: Reason, states: Mapping[str, str]) -> bool:
    node = model.files.nodes[key]
    shown = model.shown[env].get(key)
    if reason.code == "missing":
        return shown is None
    if reason.code == "held":
        return key in model.held[env]
    if reason.code == "upstream_stale":
        below = [one for one in node.inputs if states.get(one, "fresh") not in SETTLED]
        return bool(below) and set(reason.details["assets"]) <= set(below)
    if reason.code == "accepted":
        # Of a plan only what it computes is code: whether a number in it is a setting is told by another reason.
        said = 3 if node.form == "lazy" else len(node.meaning)
        known = ((one, meaning[:said]) for one, meaning in model.accepted[env])
        return (shown, node.meaning[:said]) in known and model.other_code(env, key) is not False
    want = model.want(env, key)
    if reason.code == "check_failed":
        return want is not None and model.violated(key, want)
    if reason.code == "input_missing":
        return any(model.content(env, one) is None for one in node.inputs)
    if shown is None:
        return False
    made = model.made[shown]
    number = model.files.number(env, key, {})
    if reason.code == "output_missing":
        return made.location in model.lost
    if reason.code == "code_changed":
        defaults = made.node.number, node.number
        return made.node.meaning != node.meaning or (node.configured and defaults[0] != defaults[1])
    if reason.code == "config_changed":
        return (made.node.configured, made.number) != (node.configured, number)
    if reason.code == "settings_changed":
        return made.node.promises != node.promises or (made.node.form == "sql") != (node.form == "sql")
    if reason.code == "check_outstanding":
        return node.blocks and node.above not in made.passed
    if reason.code == "input_slots_changed":
        return made.node.inputs != node.inputs or made.node.form != node.form
    if reason.code == "input_changed":
        return _differs(model, env, key, reason)
    return False


def _differs(model: Model, env: str, key: str, reason: Reason) -> bool:
    """Whether an input really has other content in what is read, and only such columns are blamed."""
    node, upstream = model.files.nodes[key], reason.details["asset"]
    made = model.made[model.shown[env][key]]
    reads = dict(zip(node.inputs, node.reads, strict=True))[upstream]
    same_reads = dict(zip(made.node.inputs, made.node.reads, strict=True)).get(upstream) == reads
    changed = made.inputs.get(upstream) != model.read(env, node)[upstream]
    order = {"#"} if node.ordered else set()
    return set(reason.details["columns"]) <= {*reads, "*", *order} and (changed or not same_reads or node.ordered)
