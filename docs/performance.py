"""Writes the tables of docs/performance.md from performance*.json: `python -m docs.performance`; a test holds it to it.

What was measured is data: it was so on one machine on one day. The commands that measure anew are named on the page.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks import first_build_split, startup
from benchmarks.peers.tools import PHASES, TOOLS
from docs.generate import replaced

DOCS = Path(__file__).parent
PAGE = DOCS / "performance.md"


def main() -> None:
    """Rewrites the tables."""
    page = PAGE.read_text(encoding="utf-8")
    for marker, text in parts().items():
        page = replaced(page, marker, text)
    PAGE.write_text(page, encoding="utf-8")


def parts() -> dict[str, str]:
    """Marker and text of every table."""
    peers = json.loads((DOCS / "performance.json").read_text(encoding="utf-8"))
    split = json.loads((DOCS / "performance-first-build.json").read_text(encoding="utf-8"))
    start = json.loads((DOCS / "performance-startup.json").read_text(encoding="utf-8"))
    return {
        "peers": "\n\n".join([*(peers_table(peers, int(size)) for size in peers["cones"]), measured(peers)]),
        "tools": tools_table(peers),
        "split": f"{first_build_split.table(split)}\n\n{measured(split)}",
        "startup": f"{startup.table(start['figures'])}\n\n{measured(start)}",
    }


def measured(figures: dict[str, Any]) -> str:
    """Where and when."""
    return f"Measured on {figures['date']}: {figures['machine']}, Python {figures['python']}."


def peers_table(peers: dict[str, Any], size: int) -> str:
    """One size: a row a tool, CPU and wall seconds of each phase, peak memory and metadata."""
    phases = list(PHASES)
    lines = [
        f"**W({size})**: CPU s / wall s, and in brackets how many assets were made where that is not what it should be",
        "",
        f"| | {' | '.join(PHASES.values())} | peak MB | metadata KB an asset |",
        f"|---|{'---:|' * (len(phases) + 2)}",
    ]
    for tool, about in TOOLS.items():
        if tool in peers["not_installed"]:
            lines.append(f"| {about.title} | does not install |{' |' * (len(phases) + 1)}")
        elif tool in peers["versions"]:
            cells = [_cell(peers, size, tool, phase) for phase in phases]
            first = list(_of(peers, size, tool, "first"))
            peak = max((one["peak_bytes"] for one in first), default=0)
            kept = statistics.median([one.get("metadata_bytes") or 0 for one in first] or [0])
            lines.append(f"| {about.title} | {' | '.join(cells)} | {peak / 1e6:.0f} | {kept / 1000 / size:.1f} |")
    return "\n".join(lines)


def _cell(peers: dict[str, Any], size: int, tool: str, phase: str) -> str:
    taken = list(_of(peers, size, tool, phase))
    if not taken:
        return "-"
    failed = next((one["failed"] for one in taken if one["failed"]), "")
    if failed:
        return failed if failed.startswith("ended after") else "failed"
    cpu, wall = (statistics.median(one[name] for one in taken) for name in ("cpu_seconds", "wall_seconds"))
    right = {"start": None, "first": size, "nothing": 0, "leaf": 1, "root": peers["cones"][str(size)]}[phase]
    built = taken[-1].get("built")
    note = f" ({built})" if built != right else ""
    wrong = " **wrong result**" if not all(one.get("right", True) for one in taken) else ""
    return f"{cpu:.1f} / {wall:.1f}{note}{wrong}"


def tools_table(peers: dict[str, Any]) -> str:
    """What each tool is, and what it leaves out."""
    lines = ["| | version | stores | what it leaves out |", "|---|---|---|---|"]
    for tool, about in TOOLS.items():
        if tool in peers["not_installed"]:
            lines.append(f"| {about.title} | does not install: {peers['not_installed'][tool]} | | |")
        elif tool in peers["versions"]:
            versions = ", ".join(peers["versions"][tool])
            lines.append(f"| {about.title} | {versions} | {about.result} | {about.without} |")
    return "\n".join(lines)


def _of(peers: dict[str, Any], size: int, tool: str, phase: str) -> list[dict[str, Any]]:
    return [one for one in peers["figures"] if (one["size"], one["tool"], one["phase"]) == (size, tool, phase)]


if __name__ == "__main__":
    main()
