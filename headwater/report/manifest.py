"""The manifest of one materialization as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.report.record import record_lines
from headwater.report.style import Style


def manifest_text(manifest: Mapping[str, Any], title: str, style: Style) -> str:
    """Everything that the manifest says, in its order."""
    return "\n".join([f"{title}: manifest", *record_lines(manifest, style)])
