"""What an asset would compute, told without data: the only place where user code is called on placeholders."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from assets_core.asset import Asset
from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef, Edge, EdgeKind, Evidence
from assets_core.digest import digest
from assets_core.errors import DefinitionError, HeadwaterError, LineageError, message_of
from assets_core.graph import BoundInput
from assets_core.records import Derivation, Schema
from assets_core.versions import CodeVersion
from lineage.code import SourceReader, SourceReading
from lineage.columns.placeholder import BuildLog, Fields, placeholder
from lineage.columns.plan_bytes import digest_of, portable, serialized
from lineage.columns.release import extractor
from lineage.dtypes import parse_dtype

if TYPE_CHECKING:  # else imported where it is needed: plans that are remembered are not read
    from assets_core.settings import Config
    from lineage.columns.plan import PlanReading

PLAN_SCHEME = f"polars {pl.__version__}, Python {sys.version_info.major}.{sys.version_info.minor}, plan 2"
SQL_SCHEME = "sql 1"
PARTITION_VALUES = ("partition_key", "partition_start", "partition_end")
"""The bound values of a query that are of the slot it is run for."""
_SCHEMA_ERRORS = (
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.DuplicateError,
    pl.exceptions.InvalidOperationError,
    pl.exceptions.SchemaError,
    pl.exceptions.SchemaFieldNotFoundError,
    pl.exceptions.StructFieldNotFoundError,
)
Inputs = Sequence[tuple[BoundInput, Schema | None]]
"""The bound inputs of an asset, each with its schema as far as it is known."""


@dataclass
class Derived:
    """What was derived before, so that it need not be again.

    Arguments:
        root: the project's folder; paths in source digests are relative to it.
        recall: finds what an earlier process kept, by a digest of everything it depends on.
        fresh: what was derived anew, to be kept.
        readings: source readings by asset key, each made once, with what files and environment variables hold now: the
            code itself of a loaded project does not change.
    """

    root: Path
    recall: Callable[[str], Derivation | None] = lambda _: None
    fresh: dict[str, Derivation] = field(default_factory=dict)
    reader: SourceReader = field(init=False)
    readings: dict[str, SourceReading] = field(default_factory=dict)
    _known: dict[str, Derivation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reader = SourceReader(self.root)

    def find(self, key: str) -> Derivation | None:
        """A derivation kept by this process or an earlier one."""
        found = self._known.get(key)
        if found is None:
            found = self.recall(key)
            if found is not None:
                self._known[key] = found
        return found

    def keep(self, key: str, derivation: Derivation) -> Derivation:
        """Remembers a derivation."""
        self._known[key] = self.fresh[key] = derivation
        return derivation


def derive(asset: Asset[..., Any], inputs: Inputs, config: Config | None, derived: Derived) -> Derivation | None:
    """Code version, output schema, read sets and column lineage of an asset.

    Arguments:
        inputs: its bound inputs with the schemas that are known.
        config: the value of its ``Config`` parameter, None if it has none.

    Returns:
        None while the schema of an input is needed and not known.
    """
    if asset.sql is not None:
        return _derive_sql(asset, inputs, derived)
    if asset.lazy and not any(one.context for one in asset.parameters):
        if any(schema is None for _, schema in inputs):
            return None
        return _derive_lazy(asset, inputs, config, derived)
    return _derive_eager(asset, inputs, derived)


def with_source(asset: Asset[..., Any], code: CodeVersion, inputs: Inputs, derived: Derived) -> CodeVersion:
    """The code version with the source digest added, for the day when plan digests do not compare any more."""
    if asset.function is None or code.source is not None or code.pinned is not None:
        return code
    reading = read_source(asset, inputs, derived)
    return replace(code, source=reading.digest, source_scheme=reading.scheme)


def read_source(asset: Asset[..., Any], inputs: Inputs, derived: Derived) -> SourceReading:
    """Everything that enters the source digest of a Python asset, part by part."""
    if asset.function is None:
        return SourceReading(())
    known = derived.readings.get(asset.key)
    if known is None:
        bindings = {bound.name: f"{bound.key} as {bound.form or 'given'}" for bound, _ in inputs}
        known = derived.readings[asset.key] = derived.reader.read(asset.function, bindings, also=asset.code_depends)
    elif derived.reader.moved(known):
        known = derived.readings[asset.key] = derived.reader.now(known)  # globals may hold what a run filled in
    return known


def _bindings(inputs: Inputs) -> dict[str, str]:
    return {bound.name: bound.key for bound, _ in inputs}


def _derive_lazy(asset: Asset[..., Any], inputs: Inputs, config: Config | None, derived: Derived) -> Derivation:
    log = BuildLog()
    schemas = {bound.name: dict(schema or ()) for bound, schema in inputs}
    try:
        frame = built(asset, inputs, config, log)
        return _read_built(asset, frame, log, inputs, schemas, derived)
    except (LineageError, *_SCHEMA_ERRORS) as error:
        if log.executed:
            return _derive_eager(asset, inputs, derived, warning=_executed(asset, log))
        return _broken(asset, inputs, derived, error)
    except HeadwaterError as error:
        return _broken(asset, inputs, derived, error)
    except (Exception, SystemExit, pl.exceptions.PanicException) as error:  # noqa: BLE001 -- whatever user code raises on placeholders only makes it eager
        reason = f"{type(error).__name__}: {message_of(error)}".splitlines()[0]
        warning = f"{asset.key} cannot be read without data, so it counts as eager code: {reason}"
        return _derive_eager(asset, inputs, derived, warning=warning)


def built(asset: Asset[..., Any], inputs: Inputs, config: Config | None, log: BuildLog) -> Any:
    """What a lazy asset's function returns on placeholders; whatever it raises comes through."""
    arguments: dict[str, Any] = {
        bound.name: placeholder(bound.name, _fields(schema or ()), log=log) for bound, schema in inputs
    }
    arguments |= {one.name: config for one in asset.parameters if one.config is not None}
    frame = asset(**arguments)
    log.open = False
    return frame


@lru_cache(maxsize=1_000)
def _fields(schema: Schema) -> Fields:
    return Fields({name: parse_dtype(dtype) for name, dtype in schema})


def type_faults(asset: Asset[..., Any], inputs: Inputs, config: Config | None) -> tuple[HeadwaterError, ...]:
    """Everything in a lazy asset's plan on which polars will raise when it runs; see ``plan_faults``.

    Arguments:
        inputs: its bound inputs with the schemas that are known.
        config: the value of its ``Config`` parameter, None if it has none.

    Returns:
        the errors, each with the asset's file and line; none for an asset that is not lazy, one whose inputs' schemas
        are not all known, and one whose function raises before it has built a plan.
    """
    if not asset.lazy or any(one.context for one in asset.parameters) or any(schema is None for _, schema in inputs):
        return ()
    try:
        frame = built(asset, inputs, config, BuildLog())
    except (Exception, SystemExit, pl.exceptions.PanicException):  # noqa: BLE001 -- derive() has said what is wrong
        return ()
    if not isinstance(frame, pl.LazyFrame):
        return ()
    typed = {bound.name: {name: parse_dtype(dtype) for name, dtype in schema or ()} for bound, schema in inputs}
    from lineage.columns.plan_faults import plan_faults

    faults = plan_faults(frame, typed, labels=_bindings(inputs))
    for fault in faults:
        fault.where = f"{asset.where} ({asset.key})"
    return faults


def _executed(asset: Asset[..., Any], log: BuildLog) -> str:
    names = ", ".join(sorted(log.executed))
    return (
        f"{asset.key} collects its input {names} while it builds its plan, so it counts as eager code: "
        "annotate that input as pl.DataFrame, or leave out collect()"
    )


def _read_built(
    asset: Asset[..., Any],
    frame: Any,
    log: BuildLog,
    inputs: Inputs,
    schemas: dict[str, dict[str, str]],
    derived: Derived,
) -> Derivation:
    if log.executed:
        return _derive_eager(asset, inputs, derived, warning=_executed(asset, log))
    if not isinstance(frame, pl.LazyFrame):
        raise DefinitionError(
            "HW150",
            f"{asset.key} is annotated to return a LazyFrame and returns {type(frame).__name__}",
            where=asset.where,
            hint="return a LazyFrame, or annotate what it returns",
        )
    data = portable(serialized(frame), derived.root)
    plan = digest_of(data)
    shape = [[name, list(columns.items())] for name, columns in schemas.items()]
    key = digest("lazy", extractor(), PLAN_SCHEME, asset.key, plan, _bindings(inputs), json.dumps(shape),
                 asset.version, asset.ordered)  # fmt: skip
    known = derived.find(key) if plan is not None else None
    if known is not None:
        return known
    from lineage.columns.plan import read_serialized

    reading = read_serialized(frame, data, schemas, ordered=asset.ordered)
    code = _code_of_plan(asset, reading, log, inputs, schemas, derived)
    made = Derivation(
        code,
        reading.schema,
        reading.read_sets,
        _renamed(reading.lineage, inputs),
        reading.undeclared,
        warnings=tuple(_said_of(asset, warning) for warning in reading.warnings),
        matched=reading.matched if code.plan is None else "",
    )
    # Which files a pattern names may be others tomorrow, though the plan says the same.
    lasting = plan is not None and reading.digest is not None and not reading.undeclared
    return derived.keep(key, made) if lasting else made


def _said_of(asset: Asset[..., Any], warning: str) -> str:
    """A warning with the asset it is about; one that is about the installed polars is the same for all."""
    from lineage.columns.plan import UNSUPPORTED

    return warning if warning.startswith(UNSUPPORTED) else f"{asset.key}: {warning}"


def _code_of_plan(
    asset: Asset[..., Any],
    reading: PlanReading,
    log: BuildLog,
    inputs: Inputs,
    schemas: dict[str, dict[str, str]],
    derived: Derived,
) -> CodeVersion:
    if asset.version is not None:
        return CodeVersion(pinned=asset.version)
    if reading.digest is None:
        return with_source(asset, CodeVersion(), inputs, derived)
    inspected = {name: tuple(schemas[name].items()) for name in log.inspected if name in schemas}
    return CodeVersion(plan=digest(asset.key, reading.digest, _bindings(inputs), inspected), plan_scheme=PLAN_SCHEME)


def _broken(asset: Asset[..., Any], inputs: Inputs, derived: Derived, error: Exception) -> Derivation:
    """The derivation of code that does not type-check: conservative, and with the error to show."""
    if isinstance(error, HeadwaterError):
        found: HeadwaterError = error
        found.where = f"{asset.where} ({asset.key})" if asset.where not in found.where else found.where
    else:
        from lineage.columns.polars_errors import plan_error

        found = plan_error(error, {bound.name: dict(schema or ()) for bound, schema in inputs})
        found.where = f"{asset.where} ({asset.key})"
    return replace(_derive_eager(asset, inputs, derived), errors=(found,))


def _derive_eager(asset: Asset[..., Any], inputs: Inputs, derived: Derived, *, warning: str = "") -> Derivation:
    code = CodeVersion(pinned=asset.version) if asset.version is not None else CodeVersion()
    return Derivation(
        with_source(asset, code, inputs, derived),
        asset.schema,
        {},
        opaque(asset, inputs, asset.schema),
        warnings=(warning,) if warning else (),
    )


def opaque(asset: Asset[..., Any], inputs: Inputs, schema: Schema | None) -> ColumnLineage:
    """The lineage of code that cannot be read: what its ``Column(derived_from=...)`` declare, everything for the rest.

    Arguments:
        schema: the output schema; None while it is not known.
    """
    refs = [
        ColumnRef(bound.key, column)
        for bound, known in inputs
        for column in (*(name for name, _ in known or ()), ROWS, ORDER)
    ]
    names = tuple(name for name, _ in schema or ())
    declared = {name: column for name, column in asset.columns.items() if column.derived_from}
    if not declared:
        edges = frozenset(Edge(ref, None, EdgeKind.TRANSFORMATION) for ref in refs)
        return ColumnLineage(names, edges, Evidence.OPAQUE)
    targets = names or tuple(declared)
    found: set[Edge] = set()
    for position, name in enumerate(targets):
        stated = declared[name].derived_from if name in declared else None
        origins = refs if stated is None else [ColumnRef(*one.rsplit(":", 1)) for one in stated]
        found.update(Edge(ref, name, EdgeKind.TRANSFORMATION, position) for ref in origins)
    evidence = Evidence.DECLARED if set(targets) <= set(declared) else Evidence.OPAQUE
    return ColumnLineage(targets, frozenset(found), evidence)


def _renamed(lineage: ColumnLineage, inputs: Inputs) -> ColumnLineage:
    """The lineage with asset keys in place of the names that inputs are bound to."""
    keys = _bindings(inputs)
    edges = frozenset(
        edge._replace(source=ColumnRef(keys.get(edge.source.table, edge.source.table), edge.source.column))
        for edge in lineage.edges
    )
    return replace(lineage, edges=edges)


def _derive_sql(asset: Asset[..., Any], inputs: Inputs, derived: Derived) -> Derivation | None:
    if any(schema is None for _, schema in inputs):
        return None
    from lineage.columns.sql_asset import read_sql
    from lineage.columns.sql_bound import to_duckdb

    schemas = {bound.name: dict(schema or ()) for bound, schema in inputs}
    shape = [(name, list(columns.items())) for name, columns in schemas.items()]  # with the order of the columns
    key = digest(
        "sql", SQL_SCHEME, extractor(), asset.key, asset.sql, asset.dialect, _bindings(inputs), shape,
        asset.version, asset.ordered,
    )  # fmt: skip
    known = derived.find(key)
    if known is not None:
        return replace(known, errors=_sql_errors(asset, known.volatile_functions))
    try:
        reading = read_sql(to_duckdb(asset.sql or ""), schemas, dialect=asset.dialect)
    except HeadwaterError as error:
        error.where = f"{asset.where} ({asset.key})" if not error.where else f"{asset.where}, {error.where}"
        blind = CodeVersion(plan=digest(asset.key, asset.sql), plan_scheme=SQL_SCHEME)
        return Derivation(blind, asset.schema, {}, opaque(asset, inputs, asset.schema), errors=(error,))
    code = CodeVersion(plan=digest(asset.key, reading.digest, _bindings(inputs)), plan_scheme=SQL_SCHEME)
    if asset.version is not None:
        code = CodeVersion(pinned=asset.version)
    made = derived.keep(
        key,
        Derivation(
            code,
            reading.schema,
            _ordered(reading.read_sets) if asset.ordered else reading.read_sets,
            _renamed(reading.lineage, inputs),
            volatile_functions=reading.volatile_functions,
            warnings=tuple(f"{asset.key}: {warning}" for warning in reading.warnings),
        ),
    )
    return replace(made, errors=_sql_errors(asset, made.volatile_functions))


def _ordered(read_sets: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Where the order of the result is content, so is the order of what a query reads, which it is free to keep."""
    return {name: columns if ORDER in columns else (*columns, ORDER) for name, columns in read_sets.items()}


def tables_of(asset: Asset[..., Any]) -> tuple[str, ...]:
    """The names of the tables that a SQL asset's query reads, as it writes them.

    Bound values are parsed as DuckDB writes them, ``$name``: a colon after SELECT would begin an alias there.

    Raises:
        HeadwaterError: it is no SQL, with the line and column in the file.
    """
    from lineage.columns.sql import sql_tables
    from lineage.columns.sql_bound import to_duckdb

    try:
        return sql_tables(to_duckdb(asset.sql or ""), dialect=asset.dialect)
    except HeadwaterError as error:
        error.where = f"{asset.where} ({asset.key})" if not error.where else f"{asset.where}, {error.where}"
        raise


def _sql_errors(asset: Asset[..., Any], functions: tuple[str, ...]) -> tuple[HeadwaterError, ...]:
    return (*_volatile_errors(asset, functions), *_batch_errors(asset))


def bound_to_partition(asset: Asset[..., Any]) -> list[str]:
    """The bound values of a query that are of the slot it is run for, which a batch has not."""
    from lineage.columns.sql_bound import bound_names

    return [name for name in bound_names(asset.sql) if name in PARTITION_VALUES] if asset.sql else []


def _batch_errors(asset: Asset[..., Any]) -> tuple[HeadwaterError, ...]:
    named = bound_to_partition(asset)
    if asset.run.batch is None or not named:
        return ()
    return (
        DefinitionError(
            "HW191",
            f"{asset.key} cannot be batched: its query names :{named[0]}, which is of one partition",
            where=asset.where,
            hint="leave batch= out, or filter by nothing: a slot gets just its own rows",
        ),
    )


def _volatile_errors(asset: Asset[..., Any], functions: tuple[str, ...]) -> tuple[HeadwaterError, ...]:
    """Functions whose result may differ from call to call make a recipe a lie, unless the asset says so."""
    if not functions or asset.volatile:
        return ()
    return (
        DefinitionError(
            "HW151",
            f"{asset.key} uses {', '.join(functions)}, which may give another result each time",
            where=asset.where,
            hint="say volatile=true, or pass the value in as config",
        ),
    )
