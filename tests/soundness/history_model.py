"""What a project's history must look like, worked out by computing everything from scratch.

The model knows what every materialization holds, because it works that out itself when the materialization is recorded;
what every environment shows; and which recipes were made, a recipe being what a person would name: the code, the
constant, what is promised of the result, and the content of the columns that are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tests.soundness.history_project import ENVS, SOURCES, Files, Node, computed, frame_of, multiset

NOTHING: Mapping[str, int] = {}
Recipe = tuple[Any, ...]


@dataclass(frozen=True)
class Made:
    """One materialization.

    Arguments:
        inputs: what it was made of: by input, the content of the columns that are read.
        found: the same as the inputs showed it: an id, or all rows of a source.
        frame: what it holds.
        passed: bounds of checks that have passed on it.
        location: where its data lies; several may share it.
    """

    node: Node
    number: int
    inputs: Mapping[str, Recipe]
    found: Mapping[str, str | Recipe]
    recipe: Recipe
    frame: pl.DataFrame
    passed: frozenset[int]
    location: str


@dataclass
class Model:
    """The history so far.

    Arguments:
        made: by id, in the order in which they were recorded.
        shown: by environment and asset key, an id.
        held: by environment, the keys that are kept as they are.
        accepted: by environment, ids with what counted as the code when somebody accepted them beside it.
        lost: locations whose data somebody deleted.
        left: by run, its environment and what that showed when it ended.
        in_step: by origin and target of promotions, what the target showed when they were last in step.
        followed: by the same, what the origin came to show since.
    """

    files: Files
    made: dict[str, Made] = field(default_factory=dict)
    shown: dict[str, dict[str, str]] = field(default_factory=lambda: {env: {} for env in ENVS})
    held: dict[str, set[str]] = field(default_factory=lambda: {env: set() for env in ENVS})
    accepted: dict[str, set[tuple[str, Recipe]]] = field(default_factory=lambda: {env: set() for env in ENVS})
    frozen: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    left: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    in_step: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    followed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    tokens: int = 0

    # -- what there is ------------------------------------------------------------------------------------------------

    def content(self, env: str, key: str) -> pl.DataFrame | None:
        """What a reader finds; None for nothing."""
        if key in SOURCES:
            return frame_of(self.files.rows[key])
        shown = self.shown[env].get(key)
        return None if shown is None else self.made[shown].frame

    def want(self, env: str, key: str, given: Mapping[str, int] = NOTHING) -> pl.DataFrame | None:
        """What an asset should hold now, on what its inputs show; None where one shows nothing."""
        node = self.files.nodes[key]
        inputs = [found for one in node.inputs if (found := self.content(env, one)) is not None]
        if len(inputs) < len(node.inputs):
            return None
        return computed(node.op, self.files.number(env, key, given), inputs)

    def read(self, env: str, node: Node) -> dict[str, Recipe]:
        """By input, the content of what is read of it.

        Of a source, which is known by its bytes, that is all of it; of what was made as ``ordered`` also the order.
        """
        found = self.found(env, node)
        reads = zip(node.inputs, node.reads, strict=True)
        return {one: self.seen(found[one], columns) for one, columns in reads if one in found}

    def found(self, env: str, node: Node) -> dict[str, str | Recipe]:
        """By input, what it shows: an id, or all rows of a source."""
        shown = self.shown[env]
        return {
            one: tuple(self.files.rows[one]) if one in SOURCES else shown[one]
            for one in node.inputs
            if one in SOURCES or one in shown
        }

    def seen(self, found: str | Recipe, columns: Sequence[str]) -> Recipe:
        """The content of some columns of what an input showed."""
        if not isinstance(found, str):
            return found
        made = self.made[found]
        return ("in order", *made.frame.select(columns).rows()) if made.node.ordered else multiset(made.frame, columns)

    def recipe(self, env: str, key: str, given: Mapping[str, int] = NOTHING) -> Recipe:
        """All that determines what an asset holds."""
        node = self.files.nodes[key]
        read = self.read(env, node)
        number = self.files.number(env, key, given) if node.configured else None
        token = 0
        if node.ordered and any(one not in SOURCES for one in node.inputs):
            self.tokens += 1  # the order of rows in an asset that promises none is anybody's guess
            token = self.tokens
        return (key, node.meaning, number, node.promises, tuple(read.get(one) for one in node.inputs), token)

    def violated(self, key: str, frame: pl.DataFrame) -> bool:
        """Whether a blocking check of an asset, as it is declared now, does not hold."""
        node = self.files.nodes[key]
        return node.blocks and not passes(node.above, frame)

    def needless(self, recipe: Recipe) -> bool:
        """Whether a recipe need not be computed: the newest of its makings that is good is there."""
        found = [one for name, one in self.made.items() if one.recipe == recipe and name not in self.withdrawn]
        return bool(found) and found[-1].location not in self.lost

    def usable(self, identifier: str) -> bool:
        """Whether a materialization may be shown for its asset as that is declared now."""
        made = self.made[identifier]
        node = self.files.nodes[made.node.key]
        return made.location not in self.lost and (not node.blocks or node.above in made.passed)

    # -- what was accepted --------------------------------------------------------------------------------------------

    def other_code(self, env: str, key: str) -> bool | None:
        """Whether the code that made what is shown is another now; None for anybody's guess."""
        shown = self.shown[env].get(key)
        if shown is None:
            return False
        before, node = self.made[shown].node, self.files.nodes[key]
        if before.meaning != node.meaning:
            return True
        return None if node.configured and before.number != node.number else False

    def code_alone(self, env: str, key: str, given: Mapping[str, int] = NOTHING) -> bool | None:
        """Whether nothing but the code may differ from how that was made what is shown; None for anybody's guess."""
        shown = self.shown[env].get(key)
        if shown is None or not self.usable(shown):
            return False
        made, node = self.made[shown], self.files.nodes[key]
        before = made.node
        if (before.promises, before.inputs, before.configured) != (node.promises, node.inputs, node.configured):
            return False
        if node.configured and made.number != self.files.number(env, key, given):
            return False
        found = self.found(env, node)
        if self._differ(made, found, node.reads):
            return False
        guess = node.ordered or self._differ(made, found, before.reads)
        return None if guess or (before.reads != node.reads and self.lost) else True

    def _differ(self, made: Made, found: Mapping[str, str | Recipe], reads: Sequence[Sequence[str]]) -> bool:
        """Whether what is read of the inputs, or their being there, is not what something was made of."""
        return any(
            one not in found or self.seen(found[one], columns) != self.seen(made.found[one], columns)
            for one, columns in zip(made.node.inputs, reads, strict=True)
        )

    def stays(self, env: str, key: str, given: Mapping[str, int] = NOTHING) -> bool | None:
        """Whether an asset stays as it is because that was accepted; None for anybody's guess."""
        now = self.shown[env].get(key), self.files.nodes[key].meaning
        if now not in self.accepted[env] or self.other_code(env, key) is False:
            return False
        return self.code_alone(env, key, given) and self.other_code(env, key)

    def accept(self, env: str, key: str) -> None:
        """Somebody accepts that what is shown stays beside the code there is now."""
        self.accepted[env].add((self.shown[env][key], self.files.nodes[key].meaning))

    # -- what happens -------------------------------------------------------------------------------------------------

    def record(
        self, identifier: str, env: str, key: str, given: Mapping[str, int], recipe: Recipe, location: str
    ) -> None:
        """A materialization that was made just now."""
        node = self.files.nodes[key]
        frame = self.want(env, key, given)
        assert frame is not None, f"{key} was made although something it reads shows nothing"
        passed = frozenset({node.above} if node.above is not None and passes(node.above, frame) else ())
        number = self.files.number(env, key, given)
        read, found = self.read(env, node), self.found(env, node)
        self.made[identifier] = Made(node, number, read, found, recipe, frame, passed, location)

    def show(self, env: str, key: str, identifier: str | None) -> None:
        """An environment comes to show something else."""
        if identifier is None:
            self.shown[env].pop(key, None)
            return
        self.shown[env][key] = identifier
        for (origin, _), ids in self.followed.items():
            if origin == env:
                ids.add(identifier)

    def used(self, env: str) -> None:
        """Something is about to be recorded in an environment, perhaps the first thing ever."""
        for other in ENVS:
            if other != env and (env, other) not in self.in_step:
                self.step(env, other)

    def step(self, origin: str, target: str) -> None:
        """Two environments are in step from now on."""
        self.in_step[origin, target] = dict(self.shown[target])
        self.followed[origin, target] = set()

    def moved_meanwhile(self, origin: str, target: str, key: str) -> bool:
        """Whether the target shows something at a slot that the origin never had before it."""
        now = self.shown[target].get(key)
        return now is not None and now not in {
            self.in_step[origin, target].get(key),
            *self.followed[origin, target],
        }

    def end(self, run_id: str | None, env: str) -> None:
        """A run or a change of an environment ended."""
        if run_id is not None:
            self.left[run_id] = (env, dict(self.shown[env]))


def passes(above: int | None, frame: pl.DataFrame) -> bool:
    """Whether ``check.between("a", 0, above)`` holds."""
    return all(0 <= one <= (above or 0) for one in frame["a"].to_list())
