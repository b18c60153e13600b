"""Core records to JSON text and back, for the parts of a record that are interned or cached whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assets_core import errors
from assets_core.check import CheckResult, Severity
from assets_core.column_lineage import ColumnLineage, ColumnRef, Edge, EdgeKind, Evidence, Resolution
from assets_core.errors import HeadwaterError
from assets_core.recipe import RecipeInput
from assets_core.records import AttemptLog, Derivation, Schema, StepError
from assets_core.versions import CodeVersion, DataVersion
from lineage.catalog.packing import from_json, pack_numbers, to_json, unpack_numbers

_KINDS = {kind.value: kind for kind in EdgeKind}
_RESOLUTIONS = {resolution.value: resolution for resolution in Resolution}
_SEVERITIES = {severity.value: severity for severity in Severity}

InputShape = tuple[str, str, tuple[tuple[str, str], ...]]
"""Name, asset and columns of one input: what many slots' recipes share."""


def schema_text(schema: Schema) -> str:
    """JSON text of a schema."""
    return to_json(schema)


def schema_value(data: Any) -> Schema:
    """The schema that ``schema_text`` wrote."""
    return tuple((name, kind) for name, kind in data)


def code_text(code: CodeVersion) -> str:
    """JSON text of a code version."""
    return to_json(
        {
            "plan": code.plan,
            "plan_scheme": code.plan_scheme,
            "source": code.source,
            "source_scheme": code.source_scheme,
            "pinned": code.pinned,
        }
    )


def code_value(data: Any) -> CodeVersion:
    """The code version that ``code_text`` wrote."""
    return CodeVersion(**data)


def lineage_text(lineage: ColumnLineage) -> str:
    """JSON text of a column lineage; equal lineages give equal text, whatever the order of their edges in memory."""
    rows = [
        [source.table, source.column, target, kind.value, position, resolution.value]
        for source, target, kind, position, resolution in lineage.edges
    ]
    rows.sort(key=_edge_order)
    return to_json(
        {
            "columns": lineage.columns,
            "edges": rows,
            "evidence": lineage.evidence.value,
            "target": lineage.target,
            "warnings": lineage.warnings,
        }
    )


def lineage_value(data: Any) -> ColumnLineage:
    """The lineage that ``lineage_text`` wrote."""
    refs: dict[tuple[str, str], ColumnRef] = {}
    edges = []
    for table, column, target, kind, position, resolution in data["edges"]:
        ref = refs.get((table, column))
        if ref is None:
            ref = refs[table, column] = ColumnRef(table, column)
        edges.append(Edge(ref, target, _KINDS[kind], position, _RESOLUTIONS[resolution]))
    return ColumnLineage(
        tuple(data["columns"]),
        frozenset(edges),
        Evidence(data["evidence"]),
        data["target"],
        tuple(data["warnings"]),
    )


def _edge_order(row: list[Any]) -> tuple[object, ...]:
    table, column, target, kind, position, resolution = row
    return (target is not None, target or "", -1 if position is None else position, table, column, kind, resolution)


def results_text(results: Sequence[CheckResult]) -> str:
    """JSON text of check results: passing ones of many slots are equal, and kept once."""
    return to_json(
        [
            [one.name, one.kind, one.severity.value, one.passed, one.failed_rows, one.message, one.sample, one.rule]
            for one in results
        ]
    )


def results_value(data: Any) -> tuple[CheckResult, ...]:
    """The check results that ``results_text`` wrote."""
    return tuple(
        CheckResult(name, kind, _SEVERITIES[severity], passed, failed_rows, message, tuple(sample), rule)
        for name, kind, severity, passed, failed_rows, message, sample, rule in data
    )


Shape = tuple[
    str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...], bool, bool, tuple[tuple[str, str], ...]
]
"""Scheme, key, columns, projections, whether there is an order, whether there is a content, origins."""


def version_shape(version: DataVersion) -> Shape:
    """What a data version says apart from its digests and its number of rows: alike for many slots."""
    return (
        version.scheme,
        version.key,
        tuple(version.columns),
        tuple(version.projections),
        version.order is not None,
        version.content is not None,
        tuple(version.origins.items()),
    )


def shape_text(shape: Shape) -> str:
    """JSON text of the shape of a data version."""
    names = ("scheme", "key", "columns", "projections", "order", "content", "origins")
    return to_json(dict(zip(names, shape, strict=True)))


def version_digests(version: DataVersion) -> list[str]:
    """The digests of a data version, in the order in which ``version_value`` takes them."""
    ends = (digest for digest in (version.order, version.content) if digest is not None)
    return [*version.columns.values(), *version.projections.values(), *ends]


class VersionShape:
    """What ``shape_text`` wrote, ready to be filled with digests."""

    __slots__ = ("columns", "content", "key", "order", "origins", "projections", "scheme")

    def __init__(self, data: Any) -> None:
        self.scheme: str = data["scheme"]
        self.key = tuple(data["key"])
        self.columns: list[str] = data["columns"]
        self.projections = [tuple(names) for names in data["projections"]]
        self.order: bool = data["order"]
        self.content: bool = data["content"]
        self.origins: dict[str, str] = dict(data["origins"])

    def fill(self, rows: int | None, digests: list[str]) -> DataVersion:
        """The data version with these digests."""
        content = digests.pop() if self.content else None
        order = digests.pop() if self.order else None
        count = len(self.columns)
        return DataVersion(
            self.scheme,
            rows,
            self.key,
            dict(zip(self.columns, digests[:count], strict=True)),
            dict(zip(self.projections, digests[count:], strict=True)),
            order,
            content,
            self.origins,
        )


def inputs_text(inputs: Sequence[RecipeInput]) -> str:
    """JSON text of a recipe's inputs without their parts."""
    return to_json([(one.name, one.asset, one.columns) for one in inputs])


def inputs_value(data: Any) -> tuple[InputShape, ...]:
    """The inputs that ``inputs_text`` wrote."""
    return tuple((name, asset, tuple((column, kind) for column, kind in columns)) for name, asset, columns in data)


def settings_text(settings: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """JSON text of the config and the settings of a recipe, each as (name, value) pairs."""
    return to_json([dict(pairs) for pairs in settings])


def error_text(error: StepError) -> str:
    """JSON text of a step's error."""
    return to_json([error.code, error.type, error.message, error.traceback, error.hint])


def error_value(data: Any) -> StepError:
    """The error that ``error_text`` wrote."""
    return StepError(*data)


def logs_text(logs: Sequence[AttemptLog]) -> str:
    """JSON text of the logs of a step's attempts."""
    return to_json([[log.output, log.traceback] for log in logs])


def logs_value(data: Any) -> tuple[AttemptLog, ...]:
    """The logs that ``logs_text`` wrote."""
    return tuple(AttemptLog(output, traceback) for output, traceback in data)


def derivation_text(derivation: Derivation) -> str:
    """JSON text of a derivation, for the cache."""
    return to_json(
        {
            "code": code_text(derivation.code),
            "schema": derivation.schema,
            "read_sets": [[name, columns] for name, columns in derivation.read_sets.items()],
            "lineage": lineage_text(derivation.lineage),
            "undeclared": derivation.undeclared,
            "matched": derivation.matched,
            "volatile_functions": derivation.volatile_functions,
            "warnings": derivation.warnings,
            "errors": [
                [type(error).__name__, error.code, error.what, error.where, error.why, error.hint]
                for error in derivation.errors
            ],
        }
    )


def derivation_value(text: str) -> Derivation:
    """The derivation that ``derivation_text`` wrote."""
    data: Mapping[str, Any] = from_json(text)
    return Derivation(
        code=code_value(from_json(data["code"])),
        schema=None if data["schema"] is None else schema_value(data["schema"]),
        read_sets={name: tuple(columns) for name, columns in data["read_sets"]},
        lineage=lineage_value(from_json(data["lineage"])),
        undeclared=tuple(data["undeclared"]),
        matched=data["matched"],
        volatile_functions=tuple(data["volatile_functions"]),
        warnings=tuple(data["warnings"]),
        errors=tuple(_error(*parts) for parts in data["errors"]),
    )


def _error(family: str, code: str, what: str, where: str, why: str, hint: str) -> HeadwaterError:
    found = getattr(errors, family, HeadwaterError)
    known = found if isinstance(found, type) and issubclass(found, HeadwaterError) else HeadwaterError
    if known is errors.ProjectError:
        known = HeadwaterError
    return known(code, what, where=where, why=why, hint=hint)


def pack_parts(parts: Sequence[Sequence[int]]) -> bytes:
    """The readings of every input in one value: how many inputs, how many parts each has, then all readings."""
    return pack_numbers([len(parts), *map(len, parts), *(number for numbers in parts for number in numbers)])


def unpack_parts(packed: bytes) -> list[list[int]]:
    """The readings of every input."""
    numbers = unpack_numbers(packed)
    at = numbers[0] + 1
    parts = []
    for count in numbers[1:at]:
        parts.append(numbers[at : at + count])
        at += count
    return parts
