"""An asset's code version under the names that it and its inputs had before they were renamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.errors import HeadwaterError
from assets_core.versions import CodeVersion
from lineage.code import SCHEME, Part
from lineage.code_record import recorded_parts
from lineage.derive import Derived, Inputs, derive

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


def former_code(
    asset: Asset[..., Any],
    key: str,
    inputs: Inputs,
    names: Mapping[str, str],
    config: Config | None,
    derived: Derived,
    recorded: CodeVersion,
    source: str,
) -> CodeVersion | None:
    """The code version that the asset would have if nothing had been renamed; None where that cannot be told.

    Keys and names of inputs enter code versions, because two inputs of one schema must not be swapped unnoticed.

    Arguments:
        key: the asset's key then.
        inputs: its inputs with the keys they had then, under the names they have now.
        names: by an input's name now, its name then.
        recorded: the version to compare with, and ``source`` the text of its code.
    """
    then = [(bound._replace(name=names.get(bound.name, bound.name)), schema) for bound, schema in inputs]
    code = CodeVersion(pinned=asset.version)
    if asset.sql is not None or asset.lazy:
        try:
            found = derive(_formerly(asset, key, names), then, config, derived)
        except HeadwaterError:
            return None
        if found is None:
            return None
        code = CodeVersion(found.code.plan, found.code.plan_scheme, pinned=found.code.pinned)
    if asset.function is None or code.pinned is not None:
        return code
    bindings = {bound.name: f"{bound.key} as {bound.form or 'given'}" for bound, _ in then}
    reading = derived.reader.read(asset.function, bindings, also=asset.code_depends)
    digest: str | None = reading.digest
    if recorded.source_scheme == SCHEME and only_the_function_was_renamed(recorded_parts(source), reading.parts):
        digest = recorded.source
    return replace(code, source=digest, source_scheme=reading.scheme)


def only_the_function_was_renamed(before: tuple[Part, ...], after: tuple[Part, ...]) -> bool:
    """Whether two readings differ in the name of one function and in nothing else."""
    old, new = (({(one.kind, one.name): one for one in parts}) for parts in (before, after))
    gone = [one for name, one in old.items() if name not in new]
    came = [one for name, one in new.items() if name not in old]
    if len(gone) != 1 or len(came) != 1 or any(new[name].digest != old[name].digest for name in old if name in new):
        return False
    was, now = gone[0], came[0]
    name, other = (one.name.rpartition(".")[2] for one in (was, now))
    return (
        was.kind == now.kind == "function"
        and bool(was.text)
        and _undecorated(was.text).replace(f"def {name}(", f"def {other}(", 1) == _undecorated(now.text)
    )


def _undecorated(text: str) -> str:
    """The text from the line of its ``def`` on."""
    lines = text.splitlines()
    first = next((at for at, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def "))), 0)
    return "\n".join(lines[first:])


def _formerly(asset: Asset[..., Any], key: str, names: Mapping[str, str]) -> Asset[..., Any]:
    """The asset as it would be declared under the former names."""
    if asset.sql is not None:
        from lineage.columns.sql_renamed import with_tables

        return replace(asset, key=key, sql=with_tables(asset.sql, names, dialect=asset.dialect) if names else asset.sql)
    if not any(name != former for name, former in names.items()):
        return replace(asset, key=key)
    parameters = tuple(replace(one, name=names.get(one.name, one.name)) for one in asset.parameters)
    bound = {names.get(name, name): one for name, one in asset.inputs.items()}
    return replace(asset, key=key, function=_called(asset, names), parameters=parameters, inputs=bound)


def _called(asset: Asset[..., Any], names: Mapping[str, str]) -> Callable[..., Any]:
    """The function, to be called with the former names of its parameters."""
    present = {former: name for name, former in names.items()}

    def call(**arguments: Any) -> Any:
        return asset(**{present.get(name, name): value for name, value in arguments.items()})

    return call
