"""Declared things as values: assets, sources, their inputs, columns and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from assets_core.arguments import NAME, TEXT, TEXTS, WHOLE, Kind, as_tuple, is_number, maybe, must_be
from assets_core.check import Check
from assets_core.errors import DefinitionError
from assets_core.mappings import Outside, PartitionMapping
from assets_core.mappings.kinds import MAPPING
from assets_core.partitions import Partitions
from assets_core.sizes import size

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config, Resource

P = ParamSpec("P")
R = TypeVar("R")


class Form(StrEnum):
    """In which form a function takes an input or gives its result."""

    LAZY = "LazyFrame"
    FRAME = "DataFrame"
    ARROW = "Table"
    PANDAS = "pandas"
    PATH = "Path"
    UNKNOWN = ""


_COLUMNS = Kind(
    "a list of columns, each with its asset",
    lambda value: isinstance(value, tuple) and all(isinstance(one, str) and all(one.rpartition(":")) for one in value),
    '["staging/flights:dep_delay"]',
)


@dataclass(frozen=True, slots=True)
class Column:
    """What a person says of one output column.

    Arguments:
        description: for people.
        tags: words that lineage can follow, such as ``"aircraft"`` or ``"personal"``.
        derived_from: columns it comes from, as ``"staging/flights:dep_delay"``: declared lineage, for code that
            cannot be read.
    """

    description: str = ""
    tags: tuple[str, ...] = ()
    derived_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("tags", "derived_from"):
            object.__setattr__(self, name, as_tuple(getattr(self, name)))
        must_be(TEXT, "Column(description)", self.description)
        must_be(TEXTS, "Column(tags)", self.tags)
        must_be(_COLUMNS, "Column(derived_from)", self.derived_from)


_BINDABLE = Kind(
    "a key, an asset or a source", lambda value: isinstance(value, str | Asset | Source), '"staging/flights"'
)


@dataclass(frozen=True, slots=True)
class Input:
    """How one input is bound.

    Arguments:
        key: of the asset or source, or the object itself.
        partitions: which of its slots are read; None for the one sensible mapping.
        outside: what a window does beyond the input's definition, ``"truncate"`` or ``"missing"``.
    """

    key: str
    partitions: PartitionMapping | None = None
    outside: Outside = Outside.TRUNCATE

    def __init__(
        self, key: str | Asset[..., Any] | Source, partitions: PartitionMapping | None = None, outside: str = "truncate"
    ) -> None:
        if outside not in tuple(Outside):
            raise DefinitionError("HW126", f"outside={outside!r}", hint="use 'truncate' or 'missing'")
        must_be(_BINDABLE, "Input(key)", key)
        must_be(MAPPING, "Input(partitions)", partitions)
        object.__setattr__(self, "key", key if isinstance(key, str) else key.key)
        object.__setattr__(self, "partitions", partitions)
        object.__setattr__(self, "outside", Outside(outside))


@dataclass(frozen=True, slots=True)
class Out:
    """One output of a multi-asset: its key, and what ``asset`` would be told of it."""

    key: str
    schema: Mapping[str, Any] | None = None
    unique_key: tuple[str, ...] = ()
    ordered: bool = False
    columns: Mapping[str, Column] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    storage: str | None = None
    renamed_from: str | tuple[str, ...] = ()


def _within(what: str, value: float, least: float, most: float | None) -> None:
    """Refuses what is no number, and a number outside its bounds.

    Raises:
        DefinitionError: HW194.
    """
    if not is_number(value) or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise DefinitionError("HW194", f"{what} is {value!r}", hint=f"a number, {bounds}")


_EXCEPTIONS = Kind(
    "a list of exception types",
    lambda value: (
        isinstance(value, tuple) and all(isinstance(one, type) and issubclass(one, BaseException) for one in value)
    ),
    "(OSError, TimeoutError)",
)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failing step is tried again.

    Arguments:
        attempts: tries in all, at least 1.
        wait_seconds: pause before the second try; it doubles from try to try.
        max_wait_seconds: no pause is longer.
        jitter: by which part of itself a pause is made longer or shorter at random, so that steps that failed
            together are not tried again together; 0 to 1.
        on: exception types that are worth another try; a timeout is a ``TimeoutError``.
    """

    attempts: int = 1
    wait_seconds: float = 1.0
    max_wait_seconds: float = 300.0
    jitter: float = 0.1
    on: tuple[type[BaseException], ...] = (Exception,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", (self.on,) if isinstance(self.on, type) else as_tuple(self.on))
        must_be(_EXCEPTIONS, "Retry(on)", self.on)
        _within("Retry(attempts)", self.attempts, 1, None)
        must_be(WHOLE, "Retry(attempts)", self.attempts)
        _within("Retry(wait_seconds)", self.wait_seconds, 0, None)
        _within("Retry(max_wait_seconds)", self.max_wait_seconds, 0, None)
        _within("Retry(jitter)", self.jitter, 0, 1)

    def pause(self, attempt: int, chance: float) -> float:
        """Seconds between a failed attempt and the next.

        Arguments:
            attempt: which one failed, from 1.
            chance: a random number from -1 to 1.
        """
        doubled = self.wait_seconds * 2.0 ** min(attempt - 1, 60)
        return min(doubled, self.max_wait_seconds) * (1 + self.jitter * chance)


_RETRY = Kind("a Retry", lambda value: isinstance(value, Retry), "Retry(attempts=3)")
_POOL = maybe(NAME.such_as('"warehouse"'))


@dataclass(frozen=True, slots=True)
class Run:
    """How a step is carried out; none of it is part of the recipe.

    Arguments:
        retry: tries at a failing step.
        priority: of the steps that are ready, those of a higher one go first; of equal ones, those that begin the
            longest chain of work.
        batch: how many neighbouring slots one call computes at most, or the calendar window whose slots it computes
            together: ``"day"``, ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``; None for a call a slot.
        timeout_seconds: how long one attempt may take; then it is ended, or abandoned where it cannot be ended.
        pool: the pool of ``[pools]`` in headwater.toml in which it takes a place; all runs of a project share them.
        memory: how much it needs, ``4GB``; steps that say so run together only as far as there is room.
    """

    retry: Retry = Retry()
    priority: int = 0
    batch: int | str | None = None
    timeout_seconds: float | None = None
    pool: str | None = None
    memory: str | int | None = None

    def __post_init__(self) -> None:
        must_be(_RETRY, "Run(retry)", self.retry)
        must_be(WHOLE, "Run(priority)", self.priority)
        must_be(_POOL, "Run(pool)", self.pool)
        if self.timeout_seconds is not None:
            _within("Run(timeout_seconds)", self.timeout_seconds, 0.001, None)
        self.memory_bytes  # noqa: B018 -- refuses what is no amount

    @property
    def memory_bytes(self) -> int:
        """What it needs in bytes; 0 where it does not say.

        Raises:
            DefinitionError: HW193, that is no amount of memory.
        """
        return 0 if self.memory is None else size(self.memory, what="Run(memory)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an asset's function.

    Arguments:
        form: for an input, the form its annotation asks for.
        config, resource: the class if it is one of those.
        context: whether it is the ``Context``.
        default: whether it has a default value; then it never binds by name.
    """

    name: str
    form: Form = Form.UNKNOWN
    config: type[Config] | None = None
    resource: type[Resource] | None = None
    context: bool = False
    default: bool = False


@dataclass(frozen=True)
class Source:
    """A named table that exists outside: observed and read, never written.

    Arguments:
        files: path or glob, or several, relative to the project's folder.
        format: ``csv``, ``jsonl`` or ``parquet``; by the ending if not given.
        schema: column names and types; found from the data if not given.
        options: how the files are read; part of the recipe.
        partitions, partition_by: its slices, and the column that tells to which one a row belongs; for slices of
            several dimensions a column for each, ``{"date": "flight_date", "region": "origin"}``.
        where: ``file:line`` of the declaration.
    """

    key: str
    files: tuple[str, ...]
    format: str
    schema: tuple[tuple[str, str], ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    partitions: Partitions | None = None
    partition_by: str | Mapping[str, str] | None = None
    unique_key: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, eq=False)
class Asset(Generic[P, R]):
    """A named table that Headwater computes; calling it calls the function, so tests need no engine.

    The arguments are those of ``headwater.asset``; besides them:

    Arguments:
        function: what computes it; None for SQL.
        sql: the query; None for Python.
        parameters: the function's parameters as they were read.
        returns: the form of the result.
        maker: the key under which one call makes this asset: its own, or the first of its multi-asset.
        output: its name in the mapping that a multi-asset's function returns; empty otherwise.
        where: ``file:line`` of the declaration.
    """

    key: str
    function: Callable[P, R] | None = None
    sql: str | None = None
    dialect: str = "duckdb"
    parameters: tuple[Parameter, ...] = ()
    returns: Form = Form.UNKNOWN
    inputs: Mapping[str, Input] = field(default_factory=dict)
    deps: tuple[str, ...] = ()
    partitions: Partitions | None = None
    partition_by: str | Mapping[str, str] | None = None
    schema: tuple[tuple[str, str], ...] | None = None
    unique_key: tuple[str, ...] = ()
    ordered: bool = False
    tolerance: float = 1e-12
    columns: Mapping[str, Column] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    storage: str | None = None
    volatile: bool = False
    max_age: timedelta | None = None
    final_after: timedelta | None = None
    version: str | None = None
    code_depends: tuple[Callable[..., Any], ...] = ()
    renamed_from: tuple[str, ...] = ()
    previous: str | None = None
    run: Run = Run()
    config_class: type[Config] | None = None
    maker: str = ""
    output: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not self.maker:
            object.__setattr__(self, "maker", self.key)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.function is None:
            raise TypeError(f"{self.key} is a SQL asset and cannot be called")
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Asset({self.key!r})"

    @property
    def kind(self) -> str:
        """``sql`` or ``python``."""
        return "python" if self.sql is None else "sql"

    @property
    def input_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that are neither ``Context`` nor ``Config`` nor ``Resource``."""
        return tuple(one for one in self.parameters if not (one.context or one.config or one.resource))

    @property
    def lazy(self) -> bool:
        """Whether it may be called on placeholders: see DESIGN section 4, "lazy asset"."""
        inputs = [one for one in self.input_parameters if not one.default or one.name in self.inputs]
        return (
            self.function is not None
            and self.returns is Form.LAZY
            and not self.output
            and bool(inputs)
            and all(one.form in (Form.LAZY, Form.UNKNOWN) for one in inputs)
            and not self.volatile
            and not any(one.resource for one in self.parameters)
        )


class MultiAsset(Generic[P, R]):
    """Several assets that one function makes; calling it calls the function."""

    def __init__(self, function: Callable[P, R], assets: tuple[Asset[..., Any], ...]) -> None:
        self.function = function
        self.assets = assets

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)


Definition = Asset[..., Any] | Source
"""Whatever can be declared under an asset key."""
