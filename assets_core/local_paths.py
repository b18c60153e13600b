"""Whether a text of headwater.toml can be the path of files on this machine, as it is written."""

from __future__ import annotations


def why_not_local(path: str) -> str:
    """Why a text is no path of local files; empty if it is one."""
    if not path:
        return "it is empty"
    if "\0" in path:
        return "it has a null character"
    if "://" in path:
        return "it is an address, and data is kept in local files"
    if path.startswith("~"):
        return "~ is not filled in; ${HOME} is, where storages are"
    if "${" in path:
        return "a variable in it is not filled in: storages and resources know ${VAR} and ${VAR:-otherwise}"
    return ""
