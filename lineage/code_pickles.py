"""The functions and classes that pickles inside a serialized plan or expression name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

_BEGIN = re.compile(rb"\x80[\x02-\x08]\x95")
_STRINGS = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_GETS = frozenset({"BINGET", "LONG_BINGET"})
_NOT_FOLLOWED = ("polars", "cloudpickle", "builtins", "copyreg")


def pickled_names(data: bytes) -> list[Any]:
    """What the pickles in some bytes refer to by name, as it is in this process, each once in the order of its name.

    Nothing is unpickled. Left out are polars itself and what is not loaded.
    """
    found: dict[str, Any] = {}
    for match in _BEGIN.finditer(data):
        for module, name in _globals(data[match.start() :]):
            if module.partition(".")[0] in _NOT_FOLLOWED or f"{module}.{name}" in found:
                continue
            value: Any = sys.modules.get(module)
            for part in name.split("."):
                value = getattr(value, part, None)
            if value is not None:
                found[f"{module}.{name}"] = value
    return [found[name] for name in sorted(found)]


def _globals(pickled: bytes) -> Iterator[tuple[str, str]]:
    """Module and name of every global that a pickle looks up."""
    import pickletools  # large, and most plans have no pickles

    memo: list[str | None] = []
    texts: list[str | None] = ["", ""]
    last: str | None = None
    try:
        for operation, argument, _ in pickletools.genops(pickled):
            if operation.name == "MEMOIZE":
                memo.append(last)
                continue
            last = None
            if operation.name in _STRINGS:
                last = str(argument)
            elif operation.name in _GETS and isinstance(argument, int) and argument < len(memo):
                last = memo[argument]
            elif operation.name == "STACK_GLOBAL" and texts[-2] and texts[-1]:
                yield texts[-2], texts[-1]
            elif operation.name == "GLOBAL":
                module, _, name = str(argument).partition(" ")
                yield module, name
            if last is not None:
                texts.append(last)
    except Exception:  # noqa: BLE001 -- bytes that only look like a pickle: what was found so far stands
        return
