"""Any history of changes, planned and carried out, ends where computing everything anew ends, and computes no more.

The model: tables have three columns; a column's content is a digest of its function's name and of the contents of the
columns that it is made from. Code is which column is made from which, under a code version that may change alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from assets_core.digest import digest
from assets_core.keys import Slot, parameter_form
from assets_core.staleness import ReasonCode
from tests.assets_core.plain_project import COLUMNS, Project, carry_out, code, computed, source

SOURCES = ("raw/a", "raw/b")
KEYS = tuple(f"t{place}" for place in range(5))
Parts = tuple[tuple[str, str], ...]


@dataclass
class Code:
    """What an asset computes: for each column, the (input, column) pairs that it is made from."""

    inputs: tuple[str, ...]
    parts: dict[str, Parts] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COLUMNS, "f"))
    text: int = 0

    def reads(self) -> dict[str, tuple[str, ...]]:
        used = {(key, name) for parts in self.parts.values() for key, name in parts}
        return {parameter_form(key): tuple(name for name in COLUMNS if (key, name) in used) for key in self.inputs}

    def compute(self, tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return {
            name: digest(self.words[name], *(tables[key][column] for key, column in self.parts[name]))
            for name in COLUMNS
        }


class AnyHistory(RuleBasedStateMachine):
    @initialize(data=st.data())
    def declare(self, data: st.DataObject) -> None:
        self.code: dict[str, Code] = {}
        known = list(SOURCES)
        for key in KEYS:
            chosen = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
            self.code[key] = Code(tuple(chosen))
            self._draw_parts(data, key)
            known.append(key)
        definitions = [source(key) for key in SOURCES]
        self.project = Project(*definitions, *(computed(key, *self.code[key].inputs) for key in KEYS))
        self.raw = {key: dict.fromkeys(COLUMNS, "1") for key in SOURCES}
        for key in SOURCES:
            self.project.publish(key, self.raw[key])
        for key in KEYS:
            self._derive(key)

    def _draw_parts(self, data: st.DataObject, key: str) -> None:
        pairs = [(one, name) for one in self.code[key].inputs for name in COLUMNS]
        parts = st.lists(st.sampled_from(pairs), max_size=2, unique=True).map(tuple)
        self.code[key].parts = {name: data.draw(parts) for name in COLUMNS}

    def _derive(self, key: str) -> None:
        self.project.derive(key, version=code(f"{key} {self.code[key].text}"), reads=self.code[key].reads())

    def _shown(self, key: str) -> Mapping[str, str]:
        return self.project.facts.published[Slot(key)].version.columns

    def _compute(self, key: str) -> dict[str, str]:
        return self.code[key].compute({one: self._shown(one) for one in self.code[key].inputs})

    def _needed(self, key: str) -> object:
        """What a published table was made from, as far as it is read: the code and the contents."""
        tables = {parameter_form(one): self._shown(one) for one in self.code[key].inputs}
        reads = self.code[key].reads()
        return self.code[key].text, {(one, name): tables[one][name] for one, names in reads.items() for name in names}

    @rule(data=st.data(), key=st.sampled_from(KEYS))
    def code_changes(self, data: st.DataObject, key: str) -> None:
        self._draw_parts(data, key)
        self.code[key].text += 1
        self._derive(key)

    @rule(key=st.sampled_from(KEYS))
    def code_is_written_otherwise_with_equal_results(self, key: str) -> None:
        self.code[key].text += 1
        self._derive(key)

    @rule(key=st.sampled_from(KEYS), column=st.sampled_from(COLUMNS), word=st.sampled_from("fgh"))
    def one_column_is_computed_otherwise(self, key: str, column: str, word: str) -> None:
        self.code[key].words[column] = word
        self.code[key].text += 1
        self._derive(key)

    @rule(key=st.sampled_from(SOURCES), column=st.sampled_from(COLUMNS), content=st.sampled_from("123"))
    def a_source_changes(self, key: str, column: str, content: str) -> None:
        self.raw[key][column] = content
        self.project.publish(key, self.raw[key])

    @rule(key=st.none() | st.sampled_from(KEYS))
    def somebody_materializes(self, key: str | None) -> None:
        wanted = set(KEYS) if key is None else self._upstream(key)
        before = dict(self.made_from) if hasattr(self, "made_from") else {}
        self.made_from = before
        ran: list[str] = []

        def compute(slot: str) -> dict[str, str]:
            needed = self._needed(slot)
            assert before.get(slot) != needed, f"{slot} was computed although nothing it is made from differs"
            self.made_from[slot] = needed
            ran.append(slot)
            return self._compute(slot)

        states = carry_out(self.project, *wanted, compute=compute)
        assert set(states.values()) <= {"succeeded", "skipped"}
        scratch = self._from_scratch()
        assert {one: dict(self._shown(one)) for one in wanted} == {one: scratch[one] for one in wanted}
        assert self.project.planned(*wanted) == []

    def _upstream(self, key: str) -> set[str]:
        if key in SOURCES:
            return set()
        return {key}.union(*(self._upstream(one) for one in self.code[key].inputs))

    def _from_scratch(self) -> dict[str, dict[str, str]]:
        tables = {key: dict(content) for key, content in self.raw.items()}
        for key in KEYS:
            tables[key] = self.code[key].compute(tables)
        return tables

    @invariant()
    def what_is_called_fresh_is_what_computing_everything_anew_would_give(self) -> None:
        scratch = self._from_scratch()
        for slot, state in self.project.states().items():
            assert state != "fresh" or dict(self._shown(slot)) == scratch[slot]

    @invariant()
    def a_reason_of_its_own_names_something_that_differs(self) -> None:
        for step in self.project.plan().steps:
            key = step.slot.asset
            codes = {reason.code for reason in step.reasons} - {ReasonCode.UPSTREAM_STALE, ReasonCode.MISSING}
            if codes:
                assert self.made_from[key] != self._needed(key)


AnyHistory.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestAnyHistory = AnyHistory.TestCase
