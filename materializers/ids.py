"""Ids that sort in the order of their making."""

from __future__ import annotations

import secrets
import threading
import time

_RANDOM_BITS = 74
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A time-ordered UUID: version 7 of RFC 9562, 48 bits of Unix milliseconds before 74 random ones.

    Ids made by one process ascend strictly, within a millisecond and when the clock is set back too: then the one
    before is counted up (section 6.2 of the RFC, method 2).
    """
    global _last  # noqa: PLW0603 -- the one thing that makes ids of a process ascend
    drawn = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    with _lock:
        if drawn <= _last or drawn >> _RANDOM_BITS == _last >> _RANDOM_BITS:
            drawn = _last + 1 + secrets.randbits(32)
        _last = drawn
    digits = f"{drawn >> 74 & 0xFFFFFFFFFFFF:012x}7{drawn >> 62 & 0xFFF:03x}{drawn & 0x3FFFFFFFFFFFFFFF | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
