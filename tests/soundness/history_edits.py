"""What people do to the files of a project: the rules of the history machine that run no command."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.soundness.history_model import Model
from tests.soundness.history_project import ENVS, READS, SOURCES, Files

ROW = st.tuples(st.integers(0, 5), st.sampled_from(["x", "yy"]), st.sampled_from([0.0, 1.0]))
NUMBERS = st.integers(0, 3)
sources = st.sampled_from(SOURCES)


class Edits(RuleBasedStateMachine):
    """Edits of code, declarations, settings and data."""

    files: Files
    model: Model

    def node(self, data: st.DataObject) -> str:
        """Some asset."""
        return data.draw(st.sampled_from(sorted(self.files.nodes)))

    @rule(data=st.data(), number=NUMBERS, op=st.sampled_from(sorted(READS)))
    def edit_code(self, data: st.DataObject, number: int, op: str) -> None:
        """What an asset computes changes, perhaps back to what it was."""
        self.files.edit(self.node(data), op=op, number=number)

    @rule(data=st.data())
    def edit_inputs(self, data: st.DataObject) -> None:
        """An asset reads something else."""
        key = self.node(data)
        earlier = [*SOURCES, *(one for one in self.files.nodes if one < key)]
        count = len(self.files.nodes[key].inputs)
        self.files.edit(key, inputs=tuple(data.draw(st.permutations(earlier))[:count]))

    @rule(data=st.data(), style=st.integers(0, 2), words=st.sampled_from(["", "some words"]))
    def restyle(self, data: st.DataObject, style: int, words: str) -> None:
        """The code is written another way and described otherwise."""
        self.files.edit(self.node(data), style=style, words=words)

    @rule(data=st.data(), unique=st.booleans(), typed=st.booleans(), ordered=st.sampled_from([False, False, True]))
    def edit_promises(self, data: st.DataObject, unique: bool, typed: bool, ordered: bool) -> None:
        """The declaration of what a result is changes."""
        self.files.edit(self.node(data), unique=unique, typed=typed, ordered=ordered)

    @rule(
        data=st.data(),
        above=st.sampled_from([None, 3, 8, 1000]),
        severity=st.sampled_from(["blocking", "blocking", "warn"]),
    )
    def edit_check(self, data: st.DataObject, above: int | None, severity: str) -> None:
        """A check is declared, tightened, relaxed or taken away."""
        self.files.edit(self.node(data), above=above, severity=severity)

    @rule(data=st.data(), storage=st.sampled_from(["", "other"]))
    def edit_storage(self, data: st.DataObject, storage: str) -> None:
        """Results go elsewhere from now on."""
        self.files.edit(self.node(data), storage=storage)

    @rule(data=st.data(), configured=st.booleans())
    def edit_configured(self, data: st.DataObject, configured: bool) -> None:
        """A constant becomes a setting, or the other way about."""
        self.files.edit(self.node(data), configured=configured)

    @rule(data=st.data(), env=st.sampled_from(["", *ENVS]), number=st.none() | NUMBERS)
    def edit_settings(self, data: st.DataObject, env: str, number: int | None) -> None:
        """headwater.toml says otherwise, for all environments or for one."""
        configured = sorted(key for key, node in self.files.nodes.items() if node.configured)
        key = data.draw(st.sampled_from(configured or sorted(self.files.nodes)))
        found: dict[Any, int] = self.files.overlays if env else self.files.config
        place = (env, key) if env else key
        if number is None:
            found.pop(place, None)
        else:
            found[place] = number

    @rule(key=sources, data=st.data())
    def edit_a_cell(self, key: str, data: st.DataObject) -> None:
        """One cell of a source changes."""
        rows = self.files.rows[key]
        place, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(1, 3))
        row = [*rows[place]]
        row[column] = data.draw(ROW)[column - 1]
        rows[place] = (row[0], row[1], row[2], row[3])

    @rule(key=sources, row=st.none() | ROW)
    def edit_rows(self, key: str, row: tuple[int, str, float] | None) -> None:
        """A source grows, or its rows come in another order."""
        if row is None:
            self.files.rows[key].reverse()
        else:
            self.files.rows[key].append((max(one[0] for one in self.files.rows[key]) + 1, *row))

    @rule(data=st.data())
    def lose_a_file(self, data: st.DataObject) -> None:
        """Somebody deletes what is stored of one materialization."""
        there = {made.location for made in self.model.made.values()} - self.model.lost
        if there:
            location = data.draw(st.sampled_from(sorted(there)))
            os.unlink(location)
            self.model.lost.add(location)
