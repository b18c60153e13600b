"""Links that are replaced in one step."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import get_ident

from lineage.crash_points import crash_point


def replace_link(target: str, link: str) -> None:
    """Points ``link`` at ``target`` in one step: whoever looks sees the old link or the new one.

    Arguments:
        target: relative to the link's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    with suppress(FileExistsError, NotImplementedError, PermissionError):
        os.symlink(target, link)  # where there is no link yet, nothing has to be replaced
        return
    folder, name = os.path.split(link)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}-{get_ident()}.new")
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        os.symlink(target, temporary)
    except (NotImplementedError, PermissionError):
        # Windows without the privilege for symbolic links: a second name for the same bytes serves readers as well.
        os.link(os.path.normpath(os.path.join(folder, target)), temporary)
    crash_point("face.prepared")
    os.replace(temporary, link)
