"""The graph of a project: every input bound to a key, every error found, and an order to work in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from assets_core.asset import Asset, Definition, Form, Input, Source
from assets_core.batch_rules import batch_errors
from assets_core.errors import DefinitionError, HeadwaterError, UsageError, did_you_mean, raise_all
from assets_core.keys import name_of, parameter_form
from assets_core.mappings import Outside, PartitionMapping, infer
from assets_core.previous import previous_errors, previous_input


class BoundInput(NamedTuple):
    """An input of an asset, resolved: ``name`` is the parameter, or the table as the query writes it."""

    name: str
    key: str
    form: Form
    partitions: PartitionMapping | None = None
    outside: Outside = Outside.TRUNCATE


@dataclass(frozen=True)
class Graph:
    """Definitions by key and how they hang together.

    Arguments:
        definitions: all assets and sources, every one after those it reads.
        inputs: by asset key, what it reads; absent for sources.
        downstream: by key, the keys of the assets that read it or are ordered after it.
        makers: by maker, the assets that one call makes.
    """

    definitions: Mapping[str, Definition]
    inputs: Mapping[str, tuple[BoundInput, ...]]
    downstream: Mapping[str, tuple[str, ...]]
    makers: Mapping[str, tuple[Asset[..., Any], ...]]
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def assets(self) -> list[Asset[..., Any]]:
        """The assets in working order."""
        return [one for one in self.definitions.values() if isinstance(one, Asset)]

    @property
    def sources(self) -> list[Source]:
        """The sources, in working order."""
        return [one for one in self.definitions.values() if isinstance(one, Source)]

    def upstream(self, key: str) -> tuple[str, ...]:
        """The keys that an asset reads or is ordered after, its own left out; nothing for a source."""
        definition = self.definitions[key]
        if isinstance(definition, Source):
            return ()
        keys = [*(one.key for one in self.inputs[key]), *definition.deps]
        return tuple(one for one in dict.fromkeys(keys) if one != key)

    def asset(self, key: str) -> Asset[..., Any]:
        """The asset of a key.

        Raises:
            UsageError: HW602, there is none, or it is a source.
        """
        found = self.find(key)
        if isinstance(found, Source):
            raise UsageError("HW602", f"{key!r} is a source", hint="name an asset that Headwater computes")
        return found

    def find(self, key: str) -> Definition:
        """The asset or source of a key; a bare name will do where only one has it.

        Raises:
            UsageError: HW602, nothing has that key.
        """
        if key in self.definitions:
            return self.definitions[key]
        named = [one for one in self.definitions if name_of(one) == key]
        if len(named) == 1:
            return self.definitions[named[0]]
        asset, _, _ = key.partition("@")  # of a slot, where an asset is meant
        hint = f"several have that name: {', '.join(named)}" if named else did_you_mean(asset, self.definitions)
        raise UsageError("HW602", f"no asset {key!r}", hint=hint)


def build(definitions: Iterable[Definition], tables_of: Callable[[Asset[..., Any]], Iterable[str]]) -> Graph:
    """Binds every input and orders the definitions.

    Arguments:
        definitions: in the order of their declaration.
        tables_of: the table names that a SQL asset's query reads; may raise a HeadwaterError, which is collected.

    Raises:
        HeadwaterError: the only error found, or a ProjectError with all of them: HW130 a key twice, HW131 an unknown
            input, HW132 an ambiguous one, HW133 a cycle, HW134 two keys with one parameter form, HW125 partitions.
    """
    errors: list[HeadwaterError] = []
    by_key = _by_key(definitions, errors)
    names = _Names(by_key)
    errors.extend(names.clashes())
    inputs: dict[str, tuple[BoundInput, ...]] = {}
    for key, definition in by_key.items():
        if isinstance(definition, Asset):
            inputs[key] = _bind(definition, names, tables_of, errors)
            errors.extend(_check_partitions(definition, inputs[key], by_key))
            errors.extend(batch_errors(definition, [(one.key, one.partitions) for one in inputs[key]]))
    ordered = _order(by_key, inputs, errors)
    raise_all(errors)
    return _assemble(ordered, by_key, inputs)


def _assemble(ordered: list[str], by_key: dict[str, Definition], inputs: dict[str, tuple[BoundInput, ...]]) -> Graph:
    downstream: dict[str, list[str]] = defaultdict(list)
    makers: dict[str, list[Asset[..., Any]]] = defaultdict(list)
    for key in ordered:
        definition = by_key[key]
        if isinstance(definition, Asset):
            makers[definition.maker].append(definition)
            for upstream in dict.fromkeys([*(one.key for one in inputs[key]), *definition.deps]):
                if upstream != key:
                    downstream[upstream].append(key)
    return Graph(
        {key: by_key[key] for key in ordered},
        inputs,
        {key: tuple(keys) for key, keys in downstream.items()},
        {key: tuple(assets) for key, assets in makers.items()},
        {key: place for place, key in enumerate(ordered)},
    )


def _by_key(definitions: Iterable[Definition], errors: list[HeadwaterError]) -> dict[str, Definition]:
    by_key: dict[str, Definition] = {}
    folded: dict[str, str] = {}
    for definition in definitions:
        known = folded.get(definition.key.lower())
        if known is None:
            folded[definition.key.lower()] = definition.key
            by_key[definition.key] = definition
            continue
        other = by_key[known]
        case = "" if known == definition.key else f" (they differ from {known!r} only by case)"
        errors.append(
            DefinitionError(
                "HW130",
                f"two definitions have the key {definition.key!r}{case}",
                where=definition.where,
                why=f"the other one is at {other.where}",
                hint="give one of them another key=",
            )
        )
    return by_key


class _Names:
    """Finds a definition by what a parameter or a table in a query is called."""

    def __init__(self, by_key: Mapping[str, Definition]) -> None:
        self.by_key = by_key
        self.by_form: dict[str, list[str]] = defaultdict(list)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.lower = {key.lower(): key for key in by_key}
        for key in by_key:
            self.by_form[parameter_form(key)].append(key)
            self.by_name[parameter_form(name_of(key))].append(key)
        self.by_lower_name: dict[str, list[str]] = defaultdict(list)
        for name, keys in self.by_name.items():
            self.by_lower_name[name.lower()].extend(keys)

    def clashes(self) -> Iterable[HeadwaterError]:
        """Two keys that are one and the same as a parameter."""
        for form, keys in self.by_form.items():
            if len(keys) > 1:
                yield DefinitionError(
                    "HW134",
                    f"the keys {' and '.join(map(repr, keys))} are both {form!r} as a parameter",
                    where=self.by_key[keys[1]].where,
                    why=f"the other one is at {self.by_key[keys[0]].where}",
                    hint="rename one of them",
                )

    def parameter(self, name: str, asset: Asset[..., Any]) -> str:
        """The key that a parameter means by its name."""
        full = self.by_form.get(name)
        if full and not (full[0] == asset.key and self._others(self.by_name.get(name, ()), asset)):
            return full[0]
        return self._named(self.by_name.get(name, ()), name, asset, f"inputs={{{name!r}: {{}}}}")

    def table(self, name: str, asset: Asset[..., Any]) -> str:
        """The key that a table of a query means: ``staging.flights``, ``flights`` or ``"a/b/c"``."""
        named = self.by_lower_name.get(parameter_form(name).lower(), ())
        for candidate in (name, name.replace(".", "/")):
            full = self.lower.get(candidate.lower())
            if full and not (full == asset.key and self._others(named, asset)):
                return full
        return self._named(named, name, asset, "write the full key in the query: {}")

    @staticmethod
    def _others(keys: Iterable[str], asset: Asset[..., Any]) -> list[str]:
        """An asset cannot read itself, so its own name means another of that name, if there is one."""
        return [key for key in keys if key != asset.key]

    def _named(self, keys: Iterable[str], shown: str, asset: Asset[..., Any], paste: str) -> str:
        matches = self._others(keys, asset)
        if len(matches) == 1:
            return matches[0]
        if matches:
            lines = " or ".join(paste.replace("{}", repr(key)) for key in matches)
            raise DefinitionError(
                "HW132",
                f"{asset.key}: {shown!r} could be {', '.join(matches)}",
                where=asset.where,
                hint=f"say which: {lines}",
            )
        raise self.unknown(shown, asset)

    def unknown(self, name: str, asset: Asset[..., Any]) -> DefinitionError:
        """The error for an input that nothing provides."""
        return DefinitionError(
            "HW131",
            f"{asset.key} reads {name!r}, which is no asset or source",
            where=asset.where,
            hint=did_you_mean(name, [*self.by_key, *self.by_form]) or "declare it, or bind the parameter with inputs=",
        )


def _bind(
    asset: Asset[..., Any],
    names: _Names,
    tables_of: Callable[[Asset[..., Any]], Iterable[str]],
    errors: list[HeadwaterError],
) -> tuple[BoundInput, ...]:
    bound: list[BoundInput] = []
    try:
        asked = _asked_of_query(asset, tables_of) if asset.sql is not None else _asked_of_function(asset)
    except HeadwaterError as error:
        errors.append(error)
        return ()
    known = [name for name, _, _ in asked]
    errors.extend(previous_errors(asset, known))
    what = "table of the query" if asset.sql is not None else "parameter of the function"
    for name in asset.inputs:
        if name not in known:
            errors.append(
                DefinitionError(
                    "HW135",
                    f"{asset.key}: inputs= names {name!r}, which is no {what}",
                    where=asset.where,
                    hint=did_you_mean(name, known),
                )
            )
    for name, form, given in asked:
        try:
            if given is not None:
                if given.key not in names.by_key:
                    raise names.unknown(given.key, asset)
                bound.append(BoundInput(name, given.key, form, given.partitions, given.outside))
            else:
                find = names.table if asset.sql is not None else names.parameter
                bound.append(BoundInput(name, find(name, asset), form))
        except HeadwaterError as error:
            errors.append(error)
    for dep in asset.deps:
        if dep not in names.by_key:
            errors.append(names.unknown(dep, asset))
    return tuple(bound)


Asked = list[tuple[str, Form, Input | None]]


def _asked_of_query(asset: Asset[..., Any], tables_of: Callable[[Asset[..., Any]], Iterable[str]]) -> Asked:
    return [(name, Form.LAZY, _given(asset, name)) for name in tables_of(asset)]


def _asked_of_function(asset: Asset[..., Any]) -> Asked:
    return [
        (one.name, one.form, _given(asset, one.name))
        for one in asset.input_parameters
        if not one.default or one.name in asset.inputs or one.name == asset.previous
    ]


def _given(asset: Asset[..., Any], name: str) -> Input | None:
    """What a name is bound to by hand: the asset's own slot before, or what ``inputs=`` says."""
    return previous_input(asset) if name == asset.previous else asset.inputs.get(name)


def _check_partitions(
    asset: Asset[..., Any], inputs: tuple[BoundInput, ...], by_key: Mapping[str, Definition]
) -> Iterable[HeadwaterError]:
    for one in inputs:
        upstream = by_key[one.key]
        try:
            infer(
                asset.partitions,
                upstream.partitions,
                one.partitions,
                where=asset.where,
                what=f"the input {one.key} of {asset.key}",
            )
        except HeadwaterError as error:
            yield error


def _previous(definition: Definition) -> str | None:
    return definition.previous if isinstance(definition, Asset) else None


def _order(
    by_key: Mapping[str, Definition],
    inputs: Mapping[str, tuple[BoundInput, ...]],
    errors: list[HeadwaterError],
) -> list[str]:
    makers = {key: one.maker for key, one in by_key.items() if isinstance(one, Asset)}
    together: dict[str, list[str]] = defaultdict(list)
    read: dict[str, list[str]] = defaultdict(list)
    looked_up: dict[str, list[str]] = defaultdict(list)
    for key, definition in by_key.items():
        maker = makers.get(key, key)
        together[maker].append(key)
        deps = definition.deps if isinstance(definition, Asset) else ()
        own = _previous(definition)  # the slot before of the asset itself makes no circle
        upstream = [*(one.key for one in inputs.get(key, ()) if one.key != key or one.name != own), *deps]
        read[maker] += [makers.get(one, one) for one in upstream if one in by_key]
        targets = [one.target for one in definition.checks if one.target in by_key]
        looked_up[maker] += [one for target in targets if target and (one := makers.get(target, target)) != maker]
    # What checks look values up in comes first where that makes no circle: two tables may point at each other.
    with suppress(CycleError):
        sorter = TopologicalSorter({maker: [*read[maker], *looked_up[maker]] for maker in read})
        return [key for maker in sorter.static_order() for key in together[maker]]
    sorter = TopologicalSorter(read)
    try:
        return [key for maker in sorter.static_order() for key in together[maker]]
    except CycleError as error:
        cycle = list(error.args[1])
        places = "\n".join(f"{key} at {by_key[key].where}" for key in cycle[:-1] if key in by_key)
        errors.append(
            DefinitionError(
                "HW133",
                f"these assets read each other in a circle: {' -> '.join(cycle)}",
                where=by_key[cycle[0]].where if cycle[0] in by_key else "",
                why=places,
                hint="break the circle; an arrow means 'is read by'",
            )
        )
        return []
