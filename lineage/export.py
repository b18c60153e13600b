"""Column lineage in the words of others: OpenLineage's column lineage dataset facet, 1-2-0."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from assets_core.column_lineage import ColumnLineage, ColumnRef, Edge, EdgeKind

SCHEMA_URL = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
"""The published schema that the facet keeps to."""
PRODUCER = "urn:headwater"
"""What the facet names as its maker; the schema wants a URI."""


def openlineage_facet(
    lineage: ColumnLineage, namespace: str, *, direct: bool = False, producer: str = PRODUCER
) -> dict[str, Any]:
    """The OpenLineage column lineage facet of one result.

    Of output columns that share a name, which the facet cannot tell apart, the influences stand together. The
    number and the order of the rows of a table have no field of their own there; they are written as the fields
    ``*`` and ``#``, so that no influence is lost.

    Arguments:
        lineage: what is written.
        namespace: the OpenLineage namespace of all tables read, such as ``postgres://host:5432``.
        direct: only influences that carry values.
        producer: the URI of the code that made the facet.

    Returns:
        ``{"_producer", "_schemaURL", "fields": {column: {"inputFields": [...]}}, "dataset": [...]}``; every output
        column is among ``fields``, also one that nothing reaches; ``dataset`` holds what touches every column alike.
    """
    edges = [edge for edge in lineage.edges if edge.kind.direct or not direct]
    by_column: dict[str, list[Edge]] = {name: [] for name in lineage.columns}
    whole: list[Edge] = []
    for edge in edges:
        if edge.target is None:
            whole.append(edge)
        else:
            by_column.setdefault(edge.target, []).append(edge)
    return {
        "_producer": producer,
        "_schemaURL": SCHEMA_URL,
        "fields": {name: {"inputFields": _inputs(found, namespace)} for name, found in by_column.items()},
        "dataset": _inputs(whole, namespace),
    }


def _inputs(edges: Iterable[Edge], namespace: str) -> list[dict[str, Any]]:
    """One input field a source column, with all the ways in which it takes part."""
    kinds: dict[ColumnRef, set[EdgeKind]] = {}
    for edge in edges:
        kinds.setdefault(edge.source, set()).add(edge.kind)
    order = list(EdgeKind)
    return [
        {
            "namespace": namespace,
            "name": table,
            "field": column,
            "transformations": [_transformation(kind) for kind in sorted(found, key=order.index)],
        }
        for (table, column), found in sorted(kinds.items())
    ]


def _transformation(kind: EdgeKind) -> dict[str, Any]:
    return {"type": "DIRECT" if kind.direct else "INDIRECT", "subtype": str(kind), "masking": False}


def openlineage_datasets(
    lineages: Iterable[ColumnLineage], namespace: str, *, names: Iterable[str] = (), direct: bool = False
) -> dict[str, Any]:
    """Results with their facets, as the ``outputs`` of an OpenLineage event hold them: each table once.

    Arguments:
        lineages: one a result.
        namespace: the OpenLineage namespace of all tables read and written.
        names: of the results, in order; where there are none, the tables they are written to, or ``query``,
            ``query 2``, ...
        direct: only influences that carry values.

    Returns:
        ``{"outputs": [{"namespace", "name", "facets": {"columnLineage": {...}}}]}``.
    """
    given = list(names)
    by_name: dict[str, list[ColumnLineage]] = {}
    bare = (f"query {number}" if number > 1 else "query" for number in count(1))
    for place, lineage in enumerate(lineages):
        name = given[place] if place < len(given) else lineage.target or next(bare)
        by_name.setdefault(name, []).append(lineage)
    outputs = []
    for name, several in by_name.items():
        facets = {"columnLineage": openlineage_facet(_joined(several), namespace, direct=direct)}
        outputs.append({"namespace": namespace, "name": name, "facets": facets})
    return {"outputs": outputs}


def _joined(several: list[ColumnLineage]) -> ColumnLineage:
    """One lineage of what several results wrote into one table."""
    columns = dict.fromkeys(name for one in several for name in one.columns)
    return ColumnLineage(tuple(columns), frozenset(edge for one in several for edge in one.edges))
