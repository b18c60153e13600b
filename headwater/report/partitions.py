"""Partition keys that the catalog keeps, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater.report.style import Style, clean
from headwater.report.table import Row, limited, table
from headwater.report.words import counted, moment

if TYPE_CHECKING:
    from headwater.partition_keys import KeysChanged
    from lineage.catalog.values import NamedKey


def keys_document(found: Mapping[str, Sequence[NamedKey]]) -> dict[str, Any]:
    """``{"partitions": [{"name", "keys": [{"key", "retired", "actor", "at", "reason"}]}]}``."""
    return {
        "partitions": [
            {
                "name": name,
                "keys": [
                    {
                        "key": one.key,
                        "retired": one.retired,
                        "actor": one.actor,
                        "at": one.at,
                        "reason": one.reason or None,
                    }
                    for one in keys
                ],
            }
            for name, keys in found.items()
        ]
    }


def keys_text(found: Mapping[str, Sequence[NamedKey]], title: str, style: Style) -> str:
    """A line a key, under the name that it is kept under."""
    if not found:
        return f"{title}: no partitions are kept in the catalog"
    lines = [style.bold(title)]
    for name, keys in found.items():
        there = sum(not one.retired for one in keys)
        retired = f", {len(keys) - there:,} retired" if there < len(keys) else ""
        lines += ["", f"  {style.bold(name)}  {style.dim(counted(there, 'key') + retired)}"]
        rows: list[Row] = [
            [one.key, "retired" if one.retired else "", moment(one.at)[:16], one.actor, clean(one.reason)]
            for one in keys
        ]
        lines += limited([[line] for line in table(rows, style, flexible=4, indent="    ")], style, "key", "--all")
    return "\n".join(lines)


def changed_document(done: KeysChanged) -> dict[str, Any]:
    """``{"name", "retired", "keys": [key], "unchanged": [key]}``."""
    return {"name": done.name, "retired": done.retired, "keys": list(done.keys), "unchanged": list(done.unchanged)}


def changed_text(done: KeysChanged, title: str, style: Style) -> str:
    """What was added or retired, and what was so already."""
    verb = "retired" if done.retired else "added"
    lines = [f"{style.bold(done.name)}  {style.dim(title)}", ""]
    lines += [f"  {verb} {clean(key)}" for key in done.keys]
    lines += [f"  {clean(key)} {'was retired' if done.retired else 'is there'} already" for key in done.unchanged]
    return "\n".join([*lines[:2], *limited([[line] for line in lines[2:]], style, "key", "--all")])
