"""When and on what figures were measured: stands in every JSON of figures that is kept."""

from __future__ import annotations

import os
import platform
import time


def measured_here() -> dict[str, str]:
    """Date, kind of machine and version of Python."""
    machine = f"{os.cpu_count()} shared cores, {platform.system()} {platform.machine()}"
    return {"date": time.strftime("%Y-%m-%d"), "machine": machine, "python": platform.python_version()}
