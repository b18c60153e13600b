"""How assets and sources are declared: decorators and functions that register with the project being loaded."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from assets_core.arguments import TEXT, TEXTS, Kind, as_tuple, is_table_of, must_be
from assets_core.asset import Asset, Column, Definition, Form, Input, MultiAsset, Out, Run, Source
from assets_core.check import Check
from assets_core.durations import duration
from assets_core.errors import DefinitionError, did_you_mean
from assets_core.keys import check_key
from assets_core.option_kinds import CONFIG_CLASS, check_options
from assets_core.partitions import Partitions, checked_columns
from assets_core.signature import form_of_result, parameters_of

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config

P = ParamSpec("P")
R = TypeVar("R")
Bindable = str | Asset[..., Any] | Source | Input

_loading: ContextVar[list[Definition] | None] = ContextVar("loading", default=None)
_FORMATS = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet", "pq": "parquet"}


@contextmanager
def registering() -> Iterator[list[Definition]]:
    """Collects what is declared inside the block; outside any such block nothing is registered."""
    found: list[Definition] = []
    token = _loading.set(found)
    try:
        yield found
    finally:
        _loading.reset(token)


def register(definition: Definition) -> None:
    """Hands a definition to the project being loaded, if there is one."""
    registry = _loading.get()
    if registry is not None:
        registry.append(definition)


@overload
def asset(function: Callable[P, R], /) -> Asset[P, R]: ...


@overload
def asset(
    *,
    key: str | None = None,
    inputs: Mapping[str, Bindable] | None = None,
    deps: Iterable[str | Asset[..., Any] | Source] = (),
    partitions: Partitions | None = None,
    partition_by: str | Mapping[str, str] | None = None,
    schema: Mapping[str, Any] | None = None,
    unique_key: str | Iterable[str] = (),
    ordered: bool = False,
    tolerance: float = 1e-12,
    columns: Mapping[str, Column] | None = None,
    checks: Iterable[Check] = (),
    description: str | None = None,
    owners: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    storage: str | None = None,
    volatile: bool = False,
    max_age: str | timedelta | None = None,
    final_after: str | timedelta | None = None,
    version: str | None = None,
    code_depends: Iterable[Callable[..., Any]] = (),
    renamed_from: str | Iterable[str] = (),
    previous: str | None = None,
    run: Run = ...,
) -> Callable[[Callable[P, R]], Asset[P, R]]: ...


def asset(function: Any = None, /, **options: Any) -> Any:
    """Declares that a function computes a table.

    Used bare (``@asset``) or with options. The result is called exactly as the function.

    Arguments:
        key: asset key; the function's name if not given.
        inputs: what parameters are bound to, where their names do not tell: key, asset, source or ``Input``.
        deps: assets that must be fresh first and enter the recipe, without being loaded.
        partitions, partition_by: the slices, and the column that tells to which one a row belongs; for slices of
            several dimensions a column for each, ``{"date": "flight_date", "region": "origin"}``.
        schema: column names to polars types or their names: a blocking contract on the result.
        unique_key: columns that together identify a row; verified on every result.
        ordered: the order of the rows is content.
        tolerance: relative difference up to which floats count as unchanged, for readers; rows are compared by key.
        columns: descriptions, tags and declared lineage of columns.
        checks: rules that every result is held to before it is published.
        description: for people; the function's docstring if not given.
        owners, tags: for people and for selections.
        storage: name of a storage of headwater.toml.
        volatile: the result may differ although nothing known changed (the clock, chance, the network): it is stale
            in every plan.
        max_age: with ``volatile``, how long a result stays fresh, as ``"6h"``.
        final_after: with ``volatile``, how long after the end of its partition a slot may still change, as ``"2d"``;
            what was made later than that stays fresh.
        version: pins the code version by hand.
        code_depends: functions that the code depends on in ways that cannot be seen.
        renamed_from: the key that it had before, or several: what was recorded under it counts for this asset.
        previous: the parameter that is bound to the asset's own slot before, which for the first one is an empty table
            of ``schema``; slots are made oldest first then.
        run: retries, priority and batches.

    Raises:
        DefinitionError: HW101 to HW103, the key or the function cannot be used.
    """
    if isinstance(function, str):
        hint = f"write asset(key={function!r})"
        raise DefinitionError("HW103", "asset takes no key without its name", where=_where_caller(), hint=hint)
    if function is not None:
        return _python_asset(function, {})
    unknown = sorted(set(options) - _OPTIONS - _PYTHON_OPTIONS)
    if unknown:
        raise DefinitionError(
            "HW104",
            f"asset has no option {unknown[0]!r}",
            where=_where_caller(),
            hint=did_you_mean(unknown[0], _OPTIONS | _PYTHON_OPTIONS),
        )
    return lambda target: _python_asset(target, options)


def _python_asset(function: Callable[..., Any], options: dict[str, Any]) -> Asset[..., Any]:
    given = dict(options)
    where = _where_function(function)
    parameters = parameters_of(function, where)
    key = given.pop("key", None)
    if given.get("description") is None:
        given["description"] = _docstring(function)
    made: Asset[..., Any] = Asset(
        check_key(function.__name__ if key is None else key, where=where),
        function,
        parameters=parameters,
        returns=form_of_result(function),
        where=where,
        **_normal(given, where),
    )
    register(made)
    return made


def multi_asset(
    *,
    outputs: Mapping[str, Out | str],
    inputs: Mapping[str, Bindable] | None = None,
    deps: Iterable[str | Asset[..., Any] | Source] = (),
    partitions: Partitions | None = None,
    partition_by: str | Mapping[str, str] | None = None,
    volatile: bool = False,
    version: str | None = None,
    storage: str | None = None,
    run: Run | None = None,
) -> Callable[[Callable[P, R]], MultiAsset[P, R]]:
    """Declares that one call of a function computes several tables, published together.

    Arguments:
        outputs: name in the mapping that the function returns -> ``Out`` or just its key. The others are as for
            ``asset`` and hold for every output.
    """
    shared: dict[str, Any] = {"inputs": inputs, "deps": as_tuple(deps)}
    shared |= {"partitions": partitions, "partition_by": partition_by}
    shared |= {"volatile": volatile, "version": version, "storage": storage, "run": Run() if run is None else run}

    def declare(function: Callable[P, R]) -> MultiAsset[P, R]:
        where = _where_function(function)
        must_be(_OUTPUTS, "outputs", outputs, where=where)
        if not outputs:
            raise DefinitionError("HW103", "a multi_asset needs outputs", where=where, hint="outputs={'a': Out('a')}")
        outs = {name: out if isinstance(out, Out) else Out(out) for name, out in outputs.items()}
        maker = check_key(next(iter(outs.values())).key, where=where)
        made = []
        for name, out in outs.items():
            own: dict[str, Any] = {**shared, "schema": out.schema, "unique_key": out.unique_key, "ordered": out.ordered}
            own |= {"columns": out.columns, "checks": out.checks, "owners": out.owners, "tags": out.tags}
            own["storage"] = storage if out.storage is None else out.storage
            own["renamed_from"] = out.renamed_from
            own["description"] = _docstring(function) if out.description == "" else out.description
            one: Asset[..., Any] = Asset(
                check_key(out.key, where=where),
                function,
                parameters=parameters_of(function, where),
                maker=maker,
                output=name,
                where=where,
                **_normal(own, where),
            )
            register(one)
            made.append(one)
        return MultiAsset(function, tuple(made))

    return declare


def sql_asset(
    key: str,
    sql: str,
    *,
    dialect: str = "duckdb",
    inputs: Mapping[str, Bindable] | None = None,
    config: type[Config] | None = None,
    description: str = "",
    where: str = "",
    **options: Any,
) -> Asset[..., Any]:
    """Declares that a query computes a table; its inputs are read off the query.

    Arguments:
        key: asset key.
        sql: one SELECT. ``staging.flights`` is the key ``staging/flights``; bound values are ``:partition_key``,
            ``:partition_start``, ``:partition_end``, of several dimensions ``:partition_DIMENSION`` for the key in
            each, and ``:FIELD`` of ``config``.
        dialect: ``duckdb``, the dialect that it is run in; there is no other yet.
        inputs: table name in the query -> ``Input``, for a mapping of partitions other than the inferred one.
        config: class of its settings.
        where: ``file:line`` it stands at; the caller's line if not given. The other options are ``asset``'s.

    Raises:
        DefinitionError: HW101, or HW104 for an option that is none.
    """
    place = where or _where_caller()
    check_key(key, where=place)
    must_be(TEXT, "sql", sql, where=place)
    must_be(CONFIG_CLASS, "config", config, where=place)
    if dialect != "duckdb":
        raise DefinitionError(
            "HW108", f"{key} is written for {dialect}, and SQL assets are run by DuckDB", where=place,
            hint="write it in DuckDB's dialect; headwater lineage --sql reads all others",
        )  # fmt: skip
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise DefinitionError(
            "HW104", f"sql_asset has no option {unknown[0]!r}", where=place, hint=did_you_mean(unknown[0], _OPTIONS)
        )
    made: Asset[..., Any] = Asset(
        key,
        sql=sql,
        dialect=dialect,
        returns=Form.LAZY,
        config_class=config,
        where=place,
        **_normal({**options, "inputs": inputs, "description": description}, place),
    )
    register(made)
    return made


def source(
    key: str,
    *,
    files: str | Iterable[str],
    format: str | None = None,  # noqa: A002 -- the word that everybody uses for it
    schema: Mapping[str, Any] | None = None,
    partitions: Partitions | None = None,
    partition_by: str | Mapping[str, str] | None = None,
    unique_key: str | Iterable[str] = (),
    columns: Mapping[str, Column] | None = None,
    checks: Iterable[Check] = (),
    description: str = "",
    owners: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    **options: Any,
) -> Source:
    """Declares files that exist outside as a named table.

    Arguments:
        key: asset key.
        files: path or glob, or several, relative to the project's folder.
        format: ``csv``, ``jsonl`` or ``parquet``; by the file name's ending if not given.
        schema: column names to polars types; found from the data if not given.
        partitions, partition_by: its slices, and the column that tells to which one a row belongs; see ``asset``.
        options: how the files are read, such as ``null_values=["NA"]``.

    Raises:
        DefinitionError: HW101, the key; HW105, the format cannot be told from the names, or they tell several; HW106,
            only one of ``partitions`` and ``partition_by`` is given.
    """
    where = _where_caller()
    paths = as_tuple(files)
    must_be(_FILES, "files", paths, where=where)
    kinds = {path: _FORMATS.get(format or path.rsplit(".", 1)[-1].lower()) for path in paths}
    known = {kind: path for path, kind in kinds.items() if kind is not None}
    if len(known) > 1:
        raise DefinitionError(
            "HW105",
            f"the files of {key} are of several formats: {' and '.join(known.values())}",
            where=where,
            hint='declare a source for each, or give format="csv", "jsonl" or "parquet" if all are of one',
        )
    kind = kinds[paths[0]] if paths else None
    if kind is None:
        raise DefinitionError(
            "HW105",
            f"cannot tell the format of {', '.join(paths) or 'no file'}",
            where=where,
            hint='give format="csv", "jsonl" or "parquet"',
        )
    if (partitions is None) != (partition_by is None):
        raise DefinitionError(
            "HW106",
            f"the source {key} needs both partitions= and partition_by=, or neither",
            where=where,
            hint='partition_by="flight_date" names the column that tells to which partition a row belongs',
        )
    normal = _normal(
        {
            "partitions": partitions,
            "partition_by": partition_by,
            "description": description,
            "schema": schema,
            "unique_key": unique_key,
            "columns": columns,
            "checks": checks,
            "owners": owners,
            "tags": tags,
        },
        where,
    )
    made = Source(
        check_key(key, where=where),
        paths,
        kind,
        options=options,
        where=where,
        **normal,
    )
    register(made)
    return made


_OPTIONS = {
    "deps", "partitions", "partition_by", "schema", "unique_key", "ordered", "tolerance", "columns", "checks", "owners",
    "tags", "storage", "volatile", "max_age", "final_after", "version", "run",
    "renamed_from", "previous",
}  # fmt: skip

_FILES = TEXTS.such_as('"data/flights*.csv"')
_OUTPUTS = Kind("a table of keys and outputs", lambda value: is_table_of(value, str, Out), '{"a": Out("staging/a")}')
_PYTHON_OPTIONS = {"key", "inputs", "description", "code_depends"}


def _normal(given: dict[str, Any], where: str) -> dict[str, Any]:
    """The options with their containers frozen and their types written as text."""
    kept = {name: value for name, value in given.items() if value is not None}
    for name in ("unique_key", "owners", "checks", "code_depends", "renamed_from", "deps"):
        if name in kept:
            kept[name] = as_tuple(kept[name])
    check_options(kept, where)
    if "unique_key" in kept:
        kept["unique_key"] = tuple(dict.fromkeys(kept["unique_key"]))
    for former in kept.get("renamed_from", ()):
        check_key(former, where=where)
    if "deps" in kept:
        kept["deps"] = tuple(key for one in kept["deps"] for key in _keys_of(one))
    if "inputs" in kept:
        kept["inputs"] = {
            name: bound if isinstance(bound, Input) else Input(bound) for name, bound in kept["inputs"].items()
        }
    for name in ("max_age", "final_after"):
        if name in kept:
            kept[name] = duration(kept[name], what=name, where=where)
            if not kept.get("volatile"):
                raise DefinitionError(
                    "HW128", f"{name}= needs volatile=True", where=where, hint="other assets are stale by recipe"
                )
    if "schema" in kept:
        kept["schema"] = tuple((name, _type_text(dtype)) for name, dtype in kept["schema"].items())
    for rule in kept.get("checks", ()):
        if not isinstance(rule, Check):
            raise DefinitionError(
                "HW107", f"{rule!r} is no check", where=where, hint="use check.not_null('id') and its like"
            )
    if "partition_by" in kept and "partitions" not in kept:
        raise DefinitionError(
            "HW106", "partition_by= needs partitions=", where=where, hint='partitions=Daily("2013-01-01") or another'
        )
    if "partition_by" in kept:
        kept["partition_by"] = checked_columns(kept["partitions"], kept["partition_by"], where=where)
    return kept


def _keys_of(dep: str | Asset[..., Any] | Source | MultiAsset[..., Any]) -> tuple[str, ...]:
    if isinstance(dep, MultiAsset):
        return tuple(one.key for one in dep.assets)
    return (dep,) if isinstance(dep, str) else (dep.key,)


def _type_text(dtype: Any) -> str:
    if isinstance(dtype, str):
        return dtype
    if isinstance(dtype, type) and dtype.__module__ in ("builtins", "datetime", "decimal"):
        return dtype.__name__
    return str(dtype)


def _docstring(function: Callable[..., Any]) -> str:
    lines = (function.__doc__ or "").strip().splitlines()
    return "\n".join(line.strip() for line in lines)


def _where_function(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def _where_caller() -> str:
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def with_defaults(definition: Asset[..., Any], **defaults: Any) -> Asset[..., Any]:
    """The asset with values for whatever it leaves at its default: ``[assets."marts/*"]`` of headwater.toml."""
    blank: Asset[..., Any] = Asset(definition.key)
    missing = {name: value for name, value in defaults.items() if getattr(definition, name) == getattr(blank, name)}
    return replace(definition, **missing) if missing else definition
