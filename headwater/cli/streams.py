"""Standard output kept clean, and closed pipes taken calmly."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from typing import TextIO


@contextlib.contextmanager
def answer_stream(exclusive: bool) -> Generator[TextIO]:
    """The stream for the answer.

    Arguments:
        exclusive: nothing else may reach standard output, not even from a library's C code or from a process that
            somebody's function starts; so the file descriptor itself is led to standard error meanwhile.
    """
    out = sys.stdout
    with contextlib.suppress(AttributeError, OSError, ValueError):
        getattr(out, "reconfigure")(errors="backslashreplace")  # noqa: B009 -- a replaced stream may lack it
    if not exclusive:
        yield out
        return
    try:
        own = os.dup(out.fileno())
        os.dup2(sys.stderr.fileno(), out.fileno())
    except (AttributeError, OSError, ValueError):
        yield out
        return
    target = out.fileno()
    try:
        with open(own, "w", encoding=out.encoding, errors="backslashreplace", closefd=False) as answer:
            try:
                yield answer
            finally:
                with contextlib.suppress(OSError):
                    answer.flush()
    finally:
        os.dup2(own, target)
        os.close(own)


def finish(out: TextIO, status: int) -> int:
    """Flushes the answer.

    Returns:
        The status; 1 where the answer could not be written. A reader that went away is no failure: it had enough.
    """
    try:
        out.flush()
    except BrokenPipeError:
        silence(out)
    except OSError as error:
        silence(out)
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"headwater: cannot write the answer: {error.strerror}\n")
        return status or 1
    except ValueError:
        return status
    return status


def silence(stream: TextIO) -> None:
    """Leads a stream nowhere, so that the interpreter does not complain when it flushes it at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
