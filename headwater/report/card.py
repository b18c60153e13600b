"""One asset's card: what it is, what it reads and gives, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assets_core.asset import Asset, Definition
from assets_core.graph import Graph
from assets_core.keys import Slot
from assets_core.partitions import columns_of, word_of
from assets_core.records import Derivation, Schema
from assets_core.staleness import Verdict
from headwater.report.listing import kind_of, place_of
from headwater.report.reasons import reason_lines
from headwater.report.slots import PartitionsOf, key_ranges, no_partitions
from headwater.report.status import by_verdict, count_states, status_document
from headwater.report.style import Style, clean
from headwater.report.table import Cell, paragraph, state_cell, table
from headwater.report.words import listed, number, short_type
from lineage.locality import Locality

_LABEL = 13
_RANGES_SHOWN = 24


def card_document(
    definition: Definition,
    graph: Graph,
    derivation: Derivation | None,
    verdicts: Mapping[Slot, Verdict],
    root: str = "",
    locality: Locality | None = None,
) -> dict[str, Any]:
    """``{"asset", "kind", "inputs", "columns", "checks", "states", "slots", ...}``.

    Arguments:
        derivation: what is known of the asset without data; None for a source, or where it cannot be told.
        verdicts: the states of its slots; empty for a source.
        root: the project's folder.
        locality: of a batched asset, whether batches are proven to change nothing.
    """
    asset = definition if isinstance(definition, Asset) else None
    return {
        "asset": definition.key,
        "kind": kind_of(definition),
        "description": definition.description,
        "where": place_of(definition, root),
        "owners": list(definition.owners),
        "tags": dict(definition.tags),
        "partitions": word_of(definition.partitions) or None,
        "partition_by": definition.partition_by,
        "unique_key": list(definition.unique_key),
        "batch": _batch(asset, locality) if asset and asset.run.batch is not None else None,
        "storage": asset.storage if asset else None,
        "volatile": asset.volatile if asset else False,
        "made_with": [one.key for one in graph.makers.get(asset.maker, ()) if one.key != asset.key] if asset else [],
        "files": [] if asset else list(getattr(definition, "files", ())),
        "inputs": _inputs(asset, graph, derivation) if asset else [],
        "ordered_after": list(asset.deps) if asset else [],
        "read_by": list(graph.downstream.get(definition.key, ())),
        "columns": _columns(definition, derivation),
        "checks": [{"name": one.name, "severity": str(one.severity)} for one in definition.checks],
        "lineage": str(derivation.lineage.evidence) if derivation else None,
        "sql": asset.sql if asset else None,
        "states": count_states(verdicts),
        "ranges": _ranges(definition, verdicts),
        "slots": status_document(verdicts)["slots"],
    }


def _ranges(definition: Definition, verdicts: Mapping[Slot, Verdict]) -> dict[str, list[str]]:
    """By state, the partitions that are in it, neighbours joined; empty for an asset without partitions."""
    keys: dict[str, list[str]] = {}
    for slot, verdict in verdicts.items():
        if slot.partition is not None:
            keys.setdefault(str(verdict.state), []).append(slot.partition)
    found = {state: key_ranges(partitions, definition.partitions) for state, partitions in keys.items()}
    return {state: found[state] for state in count_states(verdicts) if state in found}


def _batch(asset: Asset[..., Any], locality: Locality | None) -> dict[str, Any]:
    return {
        "slots": asset.run.batch,
        "local": locality.proven if locality else None,
        "why": (locality.why or None) if locality else None,
    }


def _inputs(asset: Asset[..., Any], graph: Graph, derivation: Derivation | None) -> list[dict[str, Any]]:
    read_sets = derivation.read_sets if derivation else {}
    return [
        {"name": one.name, "asset": one.key, "columns": list(read_sets[one.name]) if one.name in read_sets else None}
        for one in graph.inputs[asset.key]
    ]


def _columns(definition: Definition, derivation: Derivation | None) -> list[dict[str, Any]]:
    schema: Schema = (derivation.schema if derivation else None) or definition.schema or ()
    said = definition.columns
    types = dict(schema) or dict.fromkeys(said, "")
    return [
        {
            "name": name,
            "type": dtype,
            "description": said[name].description if name in said else "",
            "tags": list(said[name].tags) if name in said else [],
        }
        for name, dtype in types.items()
    ]


def card_text(
    card: Mapping[str, Any],
    verdicts: Mapping[Slot, Verdict],
    title: str,
    style: Style,
    *,
    partitions_of: PartitionsOf = no_partitions,
) -> str:
    """The card as text, from its document."""
    lines = [f"{style.bold(card['asset'])}  {style.dim(title)}"]
    if card["description"]:
        lines.extend(
            line for part in card["description"].strip().splitlines() for line in paragraph(part, style, "  ", "")
        )
    lines.append("")
    for label, value in _facts(card):
        lines.extend(_fact(label, value, style))
    lines.extend(_state_lines(card, verdicts, style, partitions_of))
    lines.extend(_section("reads", _input_rows(card["inputs"]), style))
    lines.extend(_section("columns", [_column_row(one) for one in card["columns"]], style))
    checks: list[list[str | Cell]] = [
        [state_cell("warn") if one["severity"] == "warn" else Cell("blocking"), clean(one["name"])]
        for one in card["checks"]
    ]
    lines.extend(_section("checks", checks, style))
    return "\n".join(lines)


def _facts(card: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    columns = columns_of(card["partition_by"])
    by = f", by the {'column' if len(columns) == 1 else 'columns'} {' and '.join(columns)}" if columns else ""
    yield "kind", card["kind"] + (", volatile" if card["volatile"] else "")
    yield "where", card["where"]
    yield "files", ", ".join(card["files"])
    yield "partitions", f"{card['partitions']}{by}" if card["partitions"] else ""
    yield "batches", _batch_sentence(card["batch"]) if card["batch"] else ""
    yield "unique key", ", ".join(card["unique_key"])
    yield "storage", card["storage"] or ""
    yield "owners", ", ".join(card["owners"])
    yield "tags", ", ".join(f"{name}={value}" for name, value in card["tags"].items())
    yield "made with", ", ".join(card["made_with"])
    yield "ordered after", ", ".join(card["ordered_after"])
    yield "read by", ", ".join(card["read_by"])
    yield "lineage", card["lineage"] or ""


def _batch_sentence(batch: Mapping[str, Any]) -> str:
    size = f"of {batch['slots']} slots" if isinstance(batch["slots"], int) else f"by the {batch['slots']}"
    if batch["local"] is None:
        return size
    if batch["local"]:
        return f"{size}, proven to change no result"
    return f"{size}, one slot of each computed alone too and compared: {batch['why']}"


def _fact(label: str, value: str, style: Style) -> list[str]:
    if not value:
        return []
    pad = " " * (_LABEL + 4)
    first, *rest = paragraph(clean(value), style, pad, "")
    return [f"  {style.dim(label.ljust(_LABEL))}  {first[len(pad) :]}", *rest]


def _state_lines(
    card: Mapping[str, Any], verdicts: Mapping[Slot, Verdict], style: Style, partitions_of: PartitionsOf
) -> list[str]:
    if not verdicts:
        return []
    shown = ", ".join(style.state(state, f"{number(count)} {state}") for state, count in card["states"].items())
    pairs = [(slots, reason) for _, _, slots, verdict in by_verdict(verdicts) for reason in verdict.reasons]
    reasons = reason_lines(pairs, partitions_of, style, "    ")
    return [f"  {style.dim('state'.ljust(_LABEL))}  {shown}", *_range_lines(card["ranges"], style), *reasons]


def _range_lines(ranges: Mapping[str, list[str]], style: Style) -> list[str]:
    """A line for each state that some partitions are in and others not; the lines of reasons tell the rest."""
    if len(ranges) < 2:
        return []
    pad = " " * (_LABEL + 4)
    lines = []
    for state, spans in ranges.items():
        first, *rest = paragraph(listed(spans, _RANGES_SHOWN), style, pad, "")
        lines += [f"    {style.state(state, state.ljust(_LABEL - 2))}  {first[len(pad) :]}", *rest]
    return lines


def _input_rows(inputs: Iterable[Mapping[str, Any]]) -> list[list[str | Cell]]:
    rows: list[list[str | Cell]] = []
    for one in inputs:
        columns = "every column" if one["columns"] is None else ", ".join(one["columns"]) or "the number of rows only"
        bound = "" if one["name"] == one["asset"] else f"as {one['name']}"
        rows.append([one["asset"], bound, columns])
    return rows


def _column_row(column: Mapping[str, Any]) -> list[str | Cell]:
    tags = " ".join(f"#{tag}" for tag in column["tags"])
    return [column["name"], Cell(short_type(column["type"]), "dim"), f"{tags} {clean(column['description'])}".strip()]


def _section(title: str, rows: list[list[str | Cell]], style: Style) -> list[str]:
    if not rows:
        return []
    return ["", f"  {style.bold(title)}", *table(rows, style, flexible=len(rows[0]) - 1, indent="    ")]
