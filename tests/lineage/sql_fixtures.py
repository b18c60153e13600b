"""Reads and writes the fixture files of SQL column lineage; their form is told in fixtures/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from assets_core.column_lineage import ColumnLineage, Edge, EdgeKind, Resolution
from lineage.columns.sql import sql_script_lineage

FOLDER = Path(__file__).parent / "fixtures"
_DIRECT = {EdgeKind.IDENTITY: "{}", EdgeKind.TRANSFORMATION: "f({})", EdgeKind.AGGREGATION: "agg({})"}
_INDIRECT = {
    EdgeKind.FILTER: "filter", EdgeKind.JOIN: "join", EdgeKind.GROUP_BY: "group", EdgeKind.SORT: "sort",
    EdgeKind.WINDOW: "window", EdgeKind.CONDITIONAL: "if",
}  # fmt: skip
_MARKS = {Resolution.EXACT: "", Resolution.STAR: "", Resolution.AMBIGUOUS: "?", Resolution.UNSUPPORTED: "!"}


@dataclass(frozen=True)
class Case:
    """One case: what it shows, the statement, and the lineage expected in the notation of the fixtures."""

    file: str
    title: str
    dialect: str
    schema: str
    sql: str
    expected: str

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """The schema as ``sql_lineage`` takes it."""
        found = re.findall(r"([^\s,(][^(]*?)\s*\(([^)]*)\)", self.schema)
        return {table.strip(" ,"): {column.strip(): "" for column in columns.split(",")} for table, columns in found}


def read_cases() -> list[Case]:
    """All cases of all files, in order."""
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in _cases(path)]


def _cases(path: Path) -> list[Case]:
    cases = []
    for block in re.split(r"^## ", path.read_text(), flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        head, sql, expected = (part.strip("\n") for part in rest.split("\n\n", 2))
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        dialect = fields["dialect"] if fields["dialect"] != "any" else ""
        cases.append(Case(path.stem, title, dialect, fields.get("schema", ""), sql, expected.strip()))
    return cases


def shown(case: Case) -> str:
    """The lineage that the extractor gives, in the notation of the fixtures."""
    lineages = sql_script_lineage(case.sql, dialect=case.dialect, schema=case.tables)
    return "\n".join(_shown(lineage) for lineage in lineages) or "nothing"


def _shown(lineage: ColumnLineage) -> str:
    lines = [f"into {lineage.target}"] if lineage.target else []
    for place, name in enumerate(lineage.columns):
        edges = [edge for edge in lineage.edges if edge.position == place]
        lines.append(f"{name or '(unnamed)'} <- {_listed(edges)}")
    rows = [edge for edge in lineage.edges if edge.target is None]
    if rows:
        lines.append(f"rows <- {_listed(rows)}")
    lines += [f"warning: {warning}" for warning in lineage.warnings]
    return "\n".join(lines) if lines else "nothing"


def _listed(edges: list[Edge]) -> str:
    parts = []
    for kind, form in _DIRECT.items():
        parts += [form.format(name) for name in _names(edges, kind)]
    for kind, word in _INDIRECT.items():
        names = _names(edges, kind)
        if names:
            parts.append(f"{word}({', '.join(names)})")
    return ", ".join(parts) if parts else "nothing"


def _names(edges: list[Edge], kind: EdgeKind) -> list[str]:
    found = [edge for edge in edges if edge.kind is kind]
    return sorted(f"{edge.source.table}.{edge.source.column}{_MARKS[edge.resolution]}" for edge in found)
