"""Versions of code and of data as values, and the two comparisons that decide staleness.

How digests are made is the business of ``lineage.code`` and ``lineage.fingerprint``; here they are only compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assets_core.column_lineage import ORDER, ROWS
from assets_core.digest import digest


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """What an asset would compute, by up to three kinds of evidence.

    Arguments:
        plan: digest of the logical plan, or of the SQL tree; None where it is unknown or not valid.
        plan_scheme: what made the plan digest (library release, Python minor version, scheme): two plan digests
            compare only under the same scheme. For SQL trees the scheme is ``sql`` and a number.
        source: digest of the source text and what it reaches; None where it was not computed.
        source_scheme: names the rules by which ``source`` was made.
        pinned: the ``version=`` that a person gave; then it alone counts.
    """

    plan: str | None = None
    plan_scheme: str = ""
    source: str | None = None
    source_scheme: str = ""
    pinned: str | None = None

    @property
    def id(self) -> str:
        """The digest that enters the recipe: of the strongest evidence there is."""
        if self.pinned is not None:
            return digest("pinned", self.pinned)
        if self.plan is not None:
            return digest("plan", self.plan_scheme, self.plan)
        return digest("source", self.source_scheme, self.source)


def same_code(recorded: CodeVersion, current: CodeVersion) -> bool | None:
    """Whether two code versions compute the same; None when ``current`` lacks the source digest to tell.

    Plan digests under one scheme decide alone, so that refactoring makes nothing stale; otherwise source digests
    decide, so that an upgrade of polars alone makes nothing stale.
    """
    if recorded.pinned is not None or current.pinned is not None:
        return recorded.pinned == current.pinned
    if recorded.plan is not None and current.plan is not None and recorded.plan_scheme == current.plan_scheme:
        return recorded.plan == current.plan
    if current.source is None:
        return None
    return recorded.source == current.source and recorded.source_scheme == current.source_scheme


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Fingerprint of the rows of one materialization or observation, made so that readers can compare.

    Three forms, by what could be verified on this data:

    * ``key`` is not empty: those columns were found unique, and ``columns`` holds a version for every column that
      digests (key, value) pairs regardless of row order;
    * no key: ``projections`` holds, for each read set known when the data was written, the multiset digest of the
      rows projected on it; others are computed on demand from the stored data;
    * ``content`` is set: the digest of bytes; any difference concerns every reader.

    Arguments:
        scheme: names the rules by which the digests were made; versions of two schemes never compare equal.
        rows: the number of rows, the version of the pseudo-column ``*``; None where only bytes are known.
        order: digest of the sequence of rows, the version of the pseudo-column ``#``; None where not computed.
        origins: for float columns that moved only within the tolerance and so kept an earlier version, the id of the
            materialization whose data that version was made from; no reader compares it.
    """

    scheme: str
    rows: int | None
    key: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    projections: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    order: str | None = None
    content: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)


def as_read(version: DataVersion, read_set: Sequence[str]) -> str | None:
    """What a reader of these columns compares; None where it was not computed.

    Arguments:
        read_set: column names in any order; ``*`` is always implied, ``#`` asks for the order as well.
    """
    names = tuple(sorted({name for name in read_set if name not in (ROWS, ORDER)}))
    if version.content is not None:
        return digest(version.scheme, "content", version.content)
    order = None
    if ORDER in read_set:
        if version.order is None:
            return None
        order = version.order
    if not names:
        return digest(version.scheme, "rows", version.rows, order)
    if version.key:
        if not set(names) <= set(version.columns):
            return None
        columns = tuple((name, version.columns[name]) for name in names)
        return digest(version.scheme, "keyed", version.rows, version.key, columns, order)
    projection = version.projections.get(names)
    if projection is None:
        return None
    return digest(version.scheme, "projection", version.rows, names, projection, order)


def changed_columns(before: DataVersion, after: DataVersion, read_set: Sequence[str]) -> tuple[str, ...]:
    """Which columns of a read set differ, for the person who asks why; ``*`` when the number of rows does.

    Where only projections or bytes are known nobody can tell which column it was: then the whole read set is named.
    """
    names = tuple(name for name in read_set if name not in (ROWS, ORDER))
    rows = (ROWS,) if before.rows != after.rows else ()
    if before.key and before.key == after.key and before.scheme == after.scheme:
        changed = tuple(name for name in names if before.columns.get(name) != after.columns.get(name))
        order = (ORDER,) if ORDER in read_set and before.order != after.order else ()
        return changed + order + rows
    if as_read(before, read_set) == as_read(after, read_set) is not None:
        return ()
    return (names or tuple(read_set)) + rows
