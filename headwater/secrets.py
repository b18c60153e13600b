"""Values that must not reach logs, records or errors: whatever a ``${VAR}`` of headwater.toml was filled with."""

from __future__ import annotations

_SHORTEST = 4
_known: set[str] = set()


def remember(value: str) -> None:
    """Keeps a value from being shown; very short ones would blot out ordinary text and are let through."""
    if len(value) >= _SHORTEST:
        _known.add(value)


def mask(text: str) -> str:
    """The text with every known secret replaced by stars."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "****")
    return text
