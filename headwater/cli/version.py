"""The installed version."""

from __future__ import annotations


def version() -> str:
    """The version of the installed distribution; ``unknown`` where Headwater runs from a folder that was not
    installed.
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("headwater")
    except PackageNotFoundError:
        return "unknown"
