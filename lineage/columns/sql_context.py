"""What one reading of a text knows and notes down: tables, spellings, reads, warnings, problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from assets_core.errors import did_you_mean
from lineage.columns.sql_dialects import Case, Rules
from lineage.columns.sql_parse import place
from lineage.columns.sql_relation import Relation, Table

if TYPE_CHECKING:
    from lineage.columns.sql_scope import Scope
    from lineage.columns.sql_written import Written


class KnownTables:
    """The schema that the caller gave: columns by table, found by as much of a table's name as is known.

    Arguments:
        schema: table name -> {column: type} or a list of columns; names may be nested
            (``{"db": {"table": {...}}}``) or dotted.
        rules: how the dialect treats names.
    """

    def __init__(self, schema: Mapping[str, Any] | None, rules: Rules) -> None:
        self._rules = rules
        self._columns: dict[str, Iterable[str]] = {}
        self._settled: dict[str, tuple[str, ...]] = {}
        self._by_last: dict[str, list[str]] = {}
        self.names: list[str] = []
        for name, columns in _flattened(schema or {}):
            self.add(name, columns)

    def add(self, name: str, columns: Iterable[str]) -> None:
        """Makes a table known, or known anew."""
        key = name.replace('"', "").replace("`", "").lower()
        if key not in self._columns:
            self.names.append(name)
            self._by_last.setdefault(key.rsplit(".", 1)[-1], []).append(key)
        self._columns[key] = columns
        self._settled.pop(key, None)

    def forget(self, name: str) -> None:
        """Takes a table out, as DROP does."""
        key = name.lower()
        if self._columns.pop(key, None) is not None:
            self._by_last[key.rsplit(".", 1)[-1]].remove(key)

    def columns(self, parts: list[str]) -> tuple[str, ...] | None:
        """The columns of a table; None if it is not known, or if its name fits several."""
        key = ".".join(parts).lower()
        if key in self._columns:
            return self._of(key)
        fitting = [
            known
            for known in self._by_last.get(parts[-1].lower().rsplit(".", 1)[-1], ())
            if known.endswith("." + key) or key.endswith("." + known)
        ]
        return self._of(fitting[0]) if len(fitting) == 1 else None

    def _of(self, key: str) -> tuple[str, ...]:
        """The columns of a known table, spelled as the dialect would; worked out when they are first asked for."""
        if key not in self._settled:
            settle = self._rules.settle
            self._settled[key] = tuple(settle(str(column)) for column in self._columns[key])
        return self._settled[key]


def _flattened(schema: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Iterable[str]]]:
    for name, inside in schema.items():
        full = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(inside, Mapping) and isinstance(next(iter(inside.values()), None), Mapping):
            yield from _flattened(inside, full)
        elif isinstance(inside, Mapping | list | tuple):
            yield full, inside


_FORMATS = frozenset({"parquet", "csv", "json", "orc", "delta", "text", "avro", "binaryfile"})


@dataclass(slots=True)
class Problem:
    """A name that could not be resolved as SQL demands.

    Arguments:
        kind: ``"unknown column"``, ``"ambiguous column"`` or ``"unknown table"``.
        name: the name as written.
        where: line and column, empty where they are not known.
        hint: the nearest name, or what to do.
    """

    kind: str
    name: str
    where: str
    hint: str = ""

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.kind} {self.name!r}{at}{hint}"


@dataclass(slots=True)
class Context:
    """One reading of one text.

    Arguments:
        rules: the dialect's.
        known: tables whose columns are known.
        evaluate: reads a query within a scope (kept here, so that expressions can hold queries).
        write: reads a statement that writes (kept here, so that common table expressions can hold them).
        temporary: temporary tables written before in the same script, by lower-case name.
    """

    rules: Rules
    known: KnownTables
    evaluate: Callable[[exp.Expr, Scope], Relation]
    write: Callable[[exp.Expr, Context], list[Written]]
    temporary: dict[str, Relation] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    reads: dict[str, dict[str, None]] = field(default_factory=dict)
    stars: dict[int, tuple[exp.Expr, list[exp.Expr]]] = field(default_factory=dict)
    beside: list[Written] = field(default_factory=list)
    text: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    _spellings: dict[str, str] = field(default_factory=dict)

    def warn(self, sentence: str) -> None:
        """Notes down, once, what was not understood."""
        self.warnings.setdefault(sentence)

    def problem(self, kind: str, name: str, node: exp.Expr, names: Iterable[str] = (), hint: str = "") -> None:
        """Notes down a name that cannot be resolved, with its place and the nearest known name."""
        problem = Problem(kind, name, place(node), hint or did_you_mean(name.rsplit(".", 1)[-1], names))
        self.problems.append(problem)
        self.warn(str(problem))

    def table_name(self, table: exp.Table) -> str:
        """The full name of a table as edges carry it: one spelling however it is written."""
        return self.one_spelling(".".join(self.parts(table)))

    def parts(self, table: exp.Expr) -> list[str]:
        """The parts of a table's name, catalog first, as the dialect remembers them."""
        if not isinstance(table, exp.Table):
            return [table.alias or table.key]
        spell = self.rules.spell
        parts = [part for part in map(spell, table.parts) if part]
        if len(parts) == 2 and parts[0].lower() in _FORMATS and self.rules.name in ("spark", "databricks", "spark2"):
            parts = parts[1:]  # parquet.`path`: the file itself
        if isinstance(table.this, exp.Parameter):
            return [f"@{table.this.name}"]
        if not parts:
            return [""]
        if table.this.args.get("temporary") and parts:
            parts[-1] = "#" + parts[-1]
        return parts

    def one_spelling(self, name: str) -> str:
        """The spelling in which a table's name was met first."""
        return name if self.rules.case is Case.EXACT else self._spellings.setdefault(name.lower(), name)

    def rename(self, name: str, other: exp.Expr) -> None:
        """Makes a table that was written before known by its new name."""
        columns = self.known.columns(name.split("."))
        new = ".".join(
            [*name.split(".")[:-1], *self.parts(other)][-max(len(name.split(".")), len(self.parts(other))) :]
        )
        if columns is not None:
            self.known.forget(name)
            self.known.add(new, columns)
        if name.lower() in self.temporary:
            self.temporary[new.lower()] = self.temporary.pop(name.lower())

    def table(self, node: exp.Table) -> Table:
        """The relation of a table of the database."""
        parts = self.parts(node)
        name = self.one_spelling(".".join(parts))
        self.reads.setdefault(name, {})
        return Table(name, self.known.columns(parts), self._read, self._spell)

    def _read(self, table: str, column: str) -> None:
        self.reads[table].setdefault(column)

    def _spell(self, table: str, column: str) -> str:
        if self.rules.case is Case.EXACT:
            return column
        return self._spellings.setdefault(f"{table}\0{column.lower()}", column)
