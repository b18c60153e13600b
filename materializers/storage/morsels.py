"""How many rows polars' streaming engine hands from one operation to the next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import polars as pl

SMALL_MORSEL_ROWS = 20_000
"""So many rows keep what waits between operations small, and cost no time."""
_SETTINGS = ("POLARS_IDEAL_MORSEL_SIZE", "POLARS_STREAMING_CHUNK_SIZE")


class _Morsels:
    """The setting of this process, and how many ask for another one at the moment."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._askers = 0

    @contextmanager
    def small(self) -> Iterator[None]:
        """Lets plans that begin in the meantime stream in small morsels, unless the user has set a size.

        Where two take the same rows, polars keeps what one of them has not taken yet: on 6 million rows of 16
        columns it held twice the memory that one alone needs, and no more with small morsels. The setting is the
        process's, so it ends with the last of several threads that ask for it.
        """
        with self._lock:
            ours = self._askers > 0 or not any(os.environ.get(name) for name in _SETTINGS)
            if ours and not self._askers:
                pl.Config.set_streaming_chunk_size(SMALL_MORSEL_ROWS)
            self._askers += ours
        try:
            yield
        finally:
            with self._lock:
                self._askers -= ours
                if ours and not self._askers:
                    pl.Config.set_streaming_chunk_size(None)


small_morsels = _Morsels().small
