"""Who asks, and with which words."""

from __future__ import annotations

import getpass
import os
import shlex
import sys


def actor() -> str:
    """Who is asking: ``HEADWATER_ACTOR``, else the user."""
    given = os.environ.get("HEADWATER_ACTOR")
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def command_line() -> str:
    return shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]) if sys.argv else ""
