"""Whether a batched asset is proven to give the same slots in batches as one by one, and if not, why not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from assets_core.asset import Asset, Definition
from assets_core.graph import BoundInput, Graph
from assets_core.mappings import AllPartitions
from assets_core.partitions import Dynamic, Partitions, Static, TimePartitions, Unit, columns_of
from assets_core.records import Materialization, RecordKind, Schema
from lineage.columns.locality import why_not_local
from lineage.columns.placeholder import BuildLog
from lineage.derive import Inputs, built
from lineage.dtypes import parse_dtype

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config

_WIDTH = {Unit.HOUR: 0, Unit.DAY: 1, Unit.WEEK: 2, Unit.MONTH: 3, Unit.QUARTER: 4, Unit.YEAR: 5}


@dataclass(frozen=True, slots=True)
class Locality:
    """Whether slots computed together are proven to come out as they do alone.

    Arguments:
        why: a clause that says what stands against the proof; empty if it is proven.
        split: names of the inputs that are read by slot.
    """

    why: str = ""
    split: frozenset[str] = frozenset()

    @property
    def proven(self) -> bool:
        """Whether nothing stands against it."""
        return not self.why


def locality_of(graph: Graph, key: str, inputs: Inputs, config: Config | None) -> Locality:
    """The locality of an asset that has ``partition_by``.

    Arguments:
        inputs: its bound inputs with the schemas that are known.
        config: the value of its ``Config`` parameter.
    """
    asset = graph.asset(key)
    split: dict[str, str] = {}
    for bound, schema in inputs:
        definition = graph.definitions[bound.key]
        if _is_whole(bound, definition):
            continue
        why = _not_by_slot(asset, bound, definition, schema)
        if why:
            return Locality(why)
        split[bound.name] = columns_of(definition.partition_by)[0]
    if not split:
        return Locality("it reads no input by partition")
    return Locality(_of_code(asset, inputs, config, split), frozenset(split))


def split_as_declared(made: Materialization, definition: Definition) -> bool:
    """Whether the rows of a materialization are known to lie in its partition as the definition has it now.

    A slot that was made while its asset told partitions in another way may be read as it is published.
    """
    if made.kind is RecordKind.OBSERVATION:
        return True
    if made.recipe is None or definition.partitions is None or made.slot.partition is None:
        return False
    one = definition.partitions.partition(made.slot.partition)
    window = () if one.start is None or one.end is None else (one.start.isoformat(), one.end.isoformat())
    told_by = made.recipe.settings.get("partition_by")
    return tuple(made.recipe.window) == window and told_by == json.dumps(definition.partition_by)


def _is_whole(bound: BoundInput, definition: Definition) -> bool:
    """Whether every slot reads the same rows of an input."""
    return definition.partitions is None or isinstance(bound.partitions, AllPartitions)


def _not_by_slot(asset: Asset[..., Any], bound: BoundInput, up: Definition, schema: Schema | None) -> str:
    """Why the rows of an input cannot be told apart by the slots that read them; empty if they can."""
    columns = columns_of(up.partition_by)
    if not columns:
        return f"it reads {bound.key}, which has no partition_by to tell its rows apart"
    if len(columns) > 1:
        return f"it reads {bound.key}, which is partitioned by several columns"
    column = columns[0]
    same = _same_slices(asset.partitions, up.partitions)
    if bound.partitions is not None or not (same or _within(up.partitions, asset.partitions)):
        return f"it does not read {bound.key} partition by partition"
    text = dict(schema or ()).get(column)
    if text is None:
        return f"it reads {bound.key}, whose column {column} is not known yet"
    dtype = parse_dtype(text)
    if isinstance(asset.partitions, Static | Dynamic) or dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return ""
    if dtype.is_integer() and same:
        return ""
    return f"it reads {bound.key}, whose partition column {column} is {dtype}: cast it to a date or datetime before"


def _column(asset: Asset[..., Any]) -> str:
    return next(iter(columns_of(asset.partition_by)), "")


def _same_slices(down: Partitions | None, up: Partitions | None) -> bool:
    if isinstance(down, TimePartitions) and isinstance(up, TimePartitions):
        return (up.unit, up.timezone, up.start) == (down.unit, down.timezone, down.start)
    return down == up


def _within(up: Partitions | None, down: Partitions | None) -> bool:
    """Whether each slice of an input lies within one of the reader: days in a month of the same calendar."""
    if not (isinstance(down, TimePartitions) and isinstance(up, TimePartitions)):
        return False
    narrower = _WIDTH[up.unit] < _WIDTH[down.unit] and up.unit in (Unit.HOUR, Unit.DAY)
    return narrower and up.timezone == down.timezone


def _of_code(asset: Asset[..., Any], inputs: Inputs, config: Config | None, split: dict[str, str]) -> str:
    """What stands against the proof in the asset's code."""
    if asset.sql is not None:
        from lineage.columns.sql_locality import why_query_not_local

        tables = {bound.name: dict(schema or ()) for bound, schema in inputs}
        return why_query_not_local(asset.sql, tables, split, _column(asset), ordered=asset.ordered)
    if not asset.lazy or any(one.context for one in asset.parameters):
        return "it is eager code, which cannot be read" if not asset.lazy else "it takes the Context"
    log = BuildLog()
    try:
        frame = built(asset, inputs, config, log)
    except Exception as error:  # noqa: BLE001 -- user code on placeholders may raise anything; then it is eager
        return f"it cannot be read without data ({type(error).__name__})"
    if log.executed or not isinstance(frame, pl.LazyFrame):
        return "it collects its inputs while it builds its plan"
    return why_not_local(frame, split, _column(asset), ordered=asset.ordered)
