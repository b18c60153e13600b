"""The standing of an asset: all that concerns every one of its slots alike, as one digest.

Where a slot was found fresh under a standing and neither that nor what its inputs show has changed since, it is fresh
without looking at its record. So whatever ``staleness.judge`` compares, apart from a slot's own record and its inputs'
publications, must enter here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.digest import digest
from assets_core.graph import BoundInput
from assets_core.partitions import Cron, Multi, Partitions, TimePartitions, Unit, dimensions_of
from assets_core.records import Schema
from assets_core.versions import CodeVersion

if TYPE_CHECKING:
    from assets_core.facts import AssetFacts

_SCHEME = "standing-2"


@dataclass(frozen=True, slots=True)
class Standing:
    """One standing.

    Arguments:
        digest: of everything.
        calendar: what decides the window in time that belongs to a partition key; empty where keys have none.
        scheme: of the plan digest, by which alone the code was compared; empty where source digests took part.
    """

    digest: str
    calendar: str = ""
    scheme: str = ""

    @property
    def about(self) -> str:
        """The calendar and the scheme as JSON text."""
        return json.dumps([self.calendar, self.scheme], separators=(",", ":"))


def standing_from(digest: str, about: str) -> Standing:
    """The standing that was kept as its digest and ``Standing.about``."""
    calendar, scheme = json.loads(about)
    return Standing(digest, calendar, scheme)


def calendar_of(partitions: Partitions | None) -> str:
    """What decides the window of a partition key: not where the definition begins or ends."""
    if isinstance(partitions, TimePartitions):
        weekday = f" {partitions.start:%w}" if partitions.unit is Unit.WEEK else ""
        return f"{partitions.unit} {partitions.timezone}{weekday}"
    if isinstance(partitions, Cron):
        return f"cron {partitions.schedule} {partitions.timezone}"
    if isinstance(partitions, Multi):
        return "; ".join(f"{name}: {calendar_of(one)}" for name, one in dimensions_of(partitions).items())
    return ""


def standing_of(
    asset: Asset[..., Any],
    own: AssetFacts,
    code: CodeVersion,
    inputs: Sequence[BoundInput],
    schemas: Sequence[Schema | None],
    columns: Sequence[Schema | None],
    renames: Mapping[str, str],
) -> Standing:
    """The standing of an asset whose derivation is known.

    Arguments:
        code: its code version.
        schemas, columns: by input, all its columns and those that are read.
    """
    calendar = calendar_of(asset.partitions)
    read = tuple(
        (one.name, one.key, schema, names) for one, schema, names in zip(inputs, schemas, columns, strict=True)
    )
    checks = tuple((one.rule, str(one.severity)) for one in asset.checks)
    concerned = {asset.key, *asset.deps, *(one.key for one in inputs)}
    renamed = tuple(sorted((former, key) for former, key in renames.items() if key in concerned))
    versions = (code.plan, code.plan_scheme, code.source, code.source_scheme, code.pinned)
    plain = json.dumps((asset.key, versions, read, asset.deps, checks, calendar, renamed))
    everything = digest(_SCHEME, plain, dict(own.config), dict(own.settings))
    return Standing(everything, calendar, code.plan_scheme if code.source is None and code.pinned is None else "")
