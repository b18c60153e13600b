"""Scopes: which names a query can see, and what each of them means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from assets_core.column_lineage import ColumnRef, EdgeKind, Resolution
from lineage.columns.sql_context import Context
from lineage.columns.sql_flow import NOTHING, Flow, Origin, merged, through
from lineage.columns.sql_relation import Column, Relation, Table, one_of, touched

_PSEUDO = frozenset(
    {"rownum", "rowid", "level", "sysdate", "systimestamp", "user", "current_date", "current_timestamp",
     "current_time", "current_user", "session_user", "localtime", "localtimestamp", "today", "_partitiontime",
     "_partitiondate", "_table_suffix", "ctid", "oid", "xmin", "input__file__name", "block__offset__inside__file",
     "_file_name", "filename", "_rowid_", "connect_by_isleaf", "connect_by_iscycle", "connect_by_root", "dual",
     "day", "month", "year", "hour", "minute", "second", "week", "quarter", "isoyear", "isoweek", "dayofweek",
     "milliseconds", "microseconds", "millisecond", "microsecond", "dd", "mm", "yy", "yyyy", "hh", "mi", "ss",
     "wk", "ww", "qq", "dayofyear", "weekday", "current_catalog", "current_schema", "current_role", "rowsversion",
     "metadata$filename", "metadata$file_row_number", "metadata$action", "metadata$isupdate", "metadata$row_id",
     "inserted", "deleted", "proctime", "rowtime", "default", "nextval", "currval", "sqlcode", "sqlerrm"}
)  # fmt: skip


_NO_COLUMNS = {
    "oracle": frozenset({"level", "rownum", "rowid", "sysdate", "systimestamp", "user"}),
    "hive": frozenset({"grouping__id", "input__file__name", "block__offset__inside__file"}),
    "spark": frozenset({"grouping__id"}),
}
"""Bare names that no table can have as columns, by dialect."""


@dataclass(slots=True)
class Source:
    """One FROM item: what it is called, and what it gives.

    Arguments:
        alias: the name it answers to, in lower case.
        path: the parts of a table's own name, in lower case.
        relation: its columns and rows.
        named: the alias was written; only then is the table's own name hidden.
        hidden: its columns are not seen (the right side of a semi join).
        weak: its columns are not known, and other items are preferred (a table function).
        unfolds: its columns are the fields of a struct that are not told.
    """

    alias: str
    path: tuple[str, ...]
    relation: Relation
    named: bool = False
    hidden: bool = False
    weak: bool = False
    unfolds: bool = False

    def answers_to(self, qualifier: list[str]) -> bool:
        """Whether ``qualifier.column`` may mean this source; names are compared in lower case."""
        if len(qualifier) == 1 and self.alias == qualifier[0]:
            return True
        return not self.named and self.called(qualifier)

    def called(self, qualifier: list[str]) -> bool:
        """Whether the table itself has this name, whatever it is called here."""
        return bool(self.path) and list(self.path[-len(qualifier) :]) == qualifier


@dataclass(slots=True)
class Scope:
    """The names one query sees.

    Arguments:
        context: the reading it belongs to.
        parent: the query around it, for correlated names.
        ctes: common table expressions in sight, by lower-case name.
        sources: FROM items in order.
        aliases: output columns named so far, by lower-case name.
        using: columns merged by USING or NATURAL, by lower-case name.
        windows: named windows, by lower-case name.
        names_seen: bare names that were taken for columns of an open FROM item.
        named: expressions that WITH gives a name (ClickHouse), by lower-case name.
        aliases_win: an alias hides a column of its name.
        aliases_join: an alias and an unknown column of its name are both possible.
        chosen: the column that COLUMNS(...) stands for in the output column that is being read.
    """

    context: Context
    parent: Scope | None = None
    ctes: dict[str, Relation] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    aliases: dict[str, Column] = field(default_factory=dict)
    using: dict[str, Column] = field(default_factory=dict)
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    names_seen: set[str] = field(default_factory=set)
    named: dict[str, exp.Expr] = field(default_factory=dict)
    aliases_win: bool = False
    aliases_join: bool = False
    chosen: Column | None = None

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def child(self) -> Scope:
        """A scope within this one, which sees its names as correlated ones."""
        return Scope(self.context, self, dict(self.ctes), named=dict(self.named))

    def source(self, qualifier: list[str]) -> Source | None:
        """The FROM item that a qualifier means, in this scope alone."""
        for source in self.sources:
            if source.answers_to(qualifier):
                return source
        return next((source for source in self.sources if source.called(qualifier)), None)

    def visible(self) -> list[Source]:
        """The FROM items whose columns may be named without a qualifier."""
        return [source for source in self.sources if not source.hidden]

    def rows(self) -> Flow:
        """The row counts of all FROM items, and what decides which rows they have."""
        return merged(flow for source in self.sources for flow in (source.relation.counted, source.relation.rows))


def resolve(node: exp.Column, scope: Scope) -> Column:
    """What a column reference means: its flow, of all candidates where it is not certain."""
    spell = scope.context.rules.spell
    parts = [spell(part) for part in node.parts if not isinstance(part, exp.Star)]
    if len(parts) == 1:
        return _bare(parts[0], node, scope) or _unknown(parts, node, scope)
    closed: Source | None = None
    for around in scope.chain():
        for cut in range(len(parts) - 1, 0, -1):
            source = around.source([part.lower() for part in parts[:cut]])
            if source is None:
                continue
            dotted = source.relation.listed(".".join(parts[cut:])) if cut + 1 < len(parts) else None
            if dotted is not None:
                return dotted
            column = source.relation.find(parts[cut])
            if column is not None:
                return inside(column, parts[cut + 1 :])
            closed = closed or source
    path = ".".join(parts)
    for source in scope.visible():
        field = source.relation.listed(path)  # a schema may list the fields of structs by their paths
        if field is not None:
            return field
    base = _bare(parts[0], node, scope, certain=closed is not None)
    if base is not None and not (closed and base.flow == NOTHING):
        return inside(base, parts[1:])
    return _unknown(parts, node, scope, closed)


def inside(column: Column, path: list[str]) -> Column:
    """A field of a struct column; the whole column's flow where the fields are not told."""
    for depth, name in enumerate(path):
        if column.fields is None:
            return Column(path[-1], through(column.flow, EdgeKind.TRANSFORMATION))
        flow = column.fields.get(name.lower())
        if flow is None:
            return Column(path[-1], column.flow)
        column = Column(name, flow)
        if depth == len(path) - 1:
            return column
    return column


def _bare(name: str, node: exp.Expr, scope: Scope, *, certain: bool = False) -> Column | None:
    key = name.lower()
    for around in scope.chain():
        found = _in_scope(name, key, node, around, certain=certain)
        if found is not None:
            return found[0]
    for around in scope.chain() if not certain else ():
        for source in around.sources:
            if source.alias == key:
                return Column(name, through(source.relation.everything(), EdgeKind.TRANSFORMATION))
    return None


def _in_scope(name: str, key: str, node: exp.Expr, scope: Scope, *, certain: bool) -> tuple[Column, bool] | None:
    """What a bare name means in one scope, and whether that is certain."""
    alias = scope.aliases.get(key)
    if alias is not None:
        touched([alias])
    if alias is not None and scope.aliases_win:
        return alias, True
    if key in scope.using:
        return scope.using[key], True
    visible = scope.visible()
    listed = [hit for source in visible if (hit := source.relation.listed(name))]
    if listed:
        if len(listed) > 1:
            scope.context.problem("ambiguous column", name, node, hint="name its table")
        return one_of(listed, name), True  # type: ignore[return-value] # one_of gives None for none only
    if certain:
        return (alias, True) if alias is not None else None
    return _behind_stars(name, key, scope, alias)


def _behind_stars(name: str, key: str, scope: Scope, alias: Column | None) -> tuple[Column, bool] | None:
    row = next((source for source in scope.visible() if source.named and source.alias == key), None)
    if row is not None and alias is None:
        return Column(name, through(row.relation.everything(), EdgeKind.TRANSFORMATION)), True
    if key in _NO_COLUMNS.get(scope.context.rules.name, ()):
        return Column(name, NOTHING), True
    candidates = [source for source in scope.visible() if source.relation.open]
    strong = [source for source in candidates if not source.weak or source.unfolds]
    either = scope.aliases_join or any(source.relation.hides for source in strong)
    if alias is not None:
        lateral = scope.context.rules.lateral_aliases and key not in scope.names_seen
        if not strong or (lateral and not either):
            return alias, True
    hits = [hit for source in strong or candidates if (hit := source.relation.beneath_stars(name))]
    if not hits:
        return (alias, True) if alias is not None else None
    if alias is not None and either:
        hits.append(alias)
    outer = _listed_outside(name, scope)
    if outer is not None:
        hits.append(outer)
    scope.names_seen.add(key)
    return one_of(hits, name), len(hits) == 1  # type: ignore[return-value] # as above


def _listed_outside(name: str, scope: Scope) -> Column | None:
    around = scope.parent
    while around is not None:
        for source in around.visible():
            hit = source.relation.listed(name)
            if hit is not None:
                return hit
        around = around.parent
    return None


def _unknown(parts: list[str], node: exp.Expr, scope: Scope, closed: Source | None = None) -> Column:
    """A name that means nothing known: kept, marked, and noted down as a problem."""
    name = parts[-1]
    context = scope.context
    if len(parts) == 1 and (name.lower() in _PSEUDO or name.startswith(("@", "$", ":"))):
        return Column(name, NOTHING)
    if closed is not None:
        context.problem("unknown column", ".".join(parts), node, closed.relation.names())
        return Column(name, _kept(name, [closed]))
    sources = [source for around in scope.chain() for source in around.visible()]
    if len(parts) > 1 and not any(source.relation.open for source in sources):
        context.problem("unknown table", ".".join(parts[:-1]), node, [source.alias for source in sources])
    elif len(parts) == 1:
        names = [known for source in sources for known in source.relation.names()]
        context.problem("unknown column", name, node, names)
    if len(parts) > 1:
        table = context.one_spelling(".".join(parts[:-1]))
        origin = Origin(ColumnRef(table, name), EdgeKind.IDENTITY, Resolution.UNSUPPORTED)
        return Column(name, frozenset({origin}))
    return Column(name, _kept(name, sources))


def _kept(name: str, sources: list[Source]) -> Flow:
    """Edges from a column that its table is not known to have."""
    tables = [source.relation for source in sources if isinstance(source.relation, Table)]
    return frozenset(Origin(ColumnRef(table.name, name), EdgeKind.IDENTITY, Resolution.UNSUPPORTED) for table in tables)
