"""What ``validate`` found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets_core.column_lineage import Evidence
from assets_core.graph import Graph
from assets_core.records import Derivation
from headwater.report.style import Style
from headwater.report.words import counted


def validation_document(graph: Graph, derivations: Mapping[str, Derivation]) -> dict[str, Any]:
    """``{"assets": n, "sources": n, "columns": n, "opaque": [keys]}``; errors and warnings are in every document."""
    return {
        "assets": len(graph.assets),
        "sources": len(graph.sources),
        "columns": _columns(derivations),
        "opaque": _opaque(derivations),
    }


def validation_text(graph: Graph, derivations: Mapping[str, Derivation], title: str, style: Style, *, ok: bool) -> str:
    """One line about what was looked at, one about what cannot be looked into."""
    opaque = _opaque(derivations)
    looked = (
        f"{counted(len(graph.assets), 'asset')}, {counted(len(graph.sources), 'source')}, "
        f"{counted(_columns(derivations), 'column')} typed"
    )
    verdict = style.paint("no errors", "green") if ok else style.paint("not valid", "red")
    lines = [f"{title}: {verdict} in {looked}"]
    if opaque:
        reads = (
            "is opaque: every column of its inputs counts as read"
            if len(opaque) == 1
            else ("are opaque: every column of their inputs counts as read")
        )
        lines.append(style.dim(f"  {counted(len(opaque), 'asset')} {reads}"))
    return "\n".join(lines)


def _columns(derivations: Mapping[str, Derivation]) -> int:
    return sum(len(one.schema or ()) for one in derivations.values())


def _opaque(derivations: Mapping[str, Derivation]) -> list[str]:
    return [key for key, one in derivations.items() if one.lineage.evidence is Evidence.OPAQUE]
