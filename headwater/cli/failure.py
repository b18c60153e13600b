"""What a person or a program is told when a command fails."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import click
from click.exceptions import NoArgsIsHelpError

from assets_core.errors import HeadwaterError, StorageError, UsageError, did_you_mean, message_of
from headwater.cli.call import Call
from headwater.cli.signals import Terminated
from headwater.cli.streams import silence
from headwater.report.style import clean
from headwater.secrets import mask

UNEXPECTED = "HW599"
INTERRUPTED = "HW598"
WRONG_USE = "HW620"


def report_failure(error: BaseException, call: Call, words: Sequence[str]) -> int:
    """Tells what went wrong, on standard error and with ``--json`` also as the document.

    Arguments:
        words: the command line, for what was asked before it could be understood.

    Returns:
        The exit status.
    """
    call.as_json = call.as_json or _asks_for_json(words)
    call.verbose = call.verbose or bool({"-v", "--verbose"} & set(words))
    if isinstance(error, BrokenPipeError):
        silence(call.out)
        return 0
    if isinstance(error, KeyboardInterrupt | click.Abort):
        what = "terminated" if isinstance(error, Terminated) else "interrupted"
        _say(what)
        if call.as_json and not call.answered:
            _write_document(HeadwaterError(INTERRUPTED, f"{what} before there was an answer"), call)
        return 143 if isinstance(error, Terminated) else 130
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1 if error.code else 0
    known = _as_known(error)
    if known is None:
        known = _unexpected(error, call.verbose)
        status = 1
    else:
        status = known.exit_status
        if call.verbose and not isinstance(error, click.ClickException):
            _say_traceback(error)
    _say(error.ctx.get_help() if isinstance(error, NoArgsIsHelpError) and error.ctx else str(known))
    if call.as_json:
        _write_document(known, call)
    return status


def _asks_for_json(words: Sequence[str]) -> bool:
    return bool({"--json", "--format=json"} & {*words}) or ("--format", "json") in pairwise(words)


def _as_known(error: BaseException) -> HeadwaterError | None:
    if isinstance(error, HeadwaterError):
        return error
    if isinstance(error, click.NoSuchOption):
        hint = did_you_mean(error.option_name, error.possibilities or ())
        return UsageError(WRONG_USE, f"no option {error.option_name}", hint=hint or _help_of(error))
    if isinstance(error, NoArgsIsHelpError):
        return UsageError(WRONG_USE, "no command", hint=_help_of(error))
    if isinstance(error, click.UsageError):
        message = error.format_message()
        return UsageError(WRONG_USE, message[:1].lower() + message[1:].rstrip("."), hint=_help_of(error))
    if isinstance(error, click.ClickException):
        return UsageError(WRONG_USE, error.format_message())
    if isinstance(error, OSError) and _raised_by_click(error):
        silence(sys.stdout)
        return StorageError("HW480", "cannot write the answer", why=str(error.strerror))
    return None


def _raised_by_click(error: BaseException) -> bool:
    """Whether it was writing a help or the version that failed, which click does itself."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__") == "click.utils"


def _help_of(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "headwater"
    return f"{path} --help"


def _unexpected(error: BaseException, verbose: bool) -> HeadwaterError:
    if verbose:
        _say_traceback(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    said = message_of(error) or "no message"
    hint = "the traceback is above; please report it" if verbose else "the same command with -v shows the traceback"
    return HeadwaterError(UNEXPECTED, f"unexpected {type(error).__name__}: {said}", where=where, hint=hint)


def _short(filename: str) -> str:
    home = str(Path(__file__).resolve().parent.parent.parent) + os.sep
    return filename.removeprefix(home)


def _write_document(error: HeadwaterError, call: Call) -> None:
    from headwater.report.document import document, encode, error_list

    errors = [{name: mask(text) for name, text in one.items()} for one in error_list(error)]
    whole = document({}, project=call.project_name, env=call.env_name or call.env, ok=False, errors=errors)
    with contextlib.suppress(OSError, HeadwaterError):
        call.write(encode(whole, ascii_only=not call.style.unicode))


def _say_traceback(error: BaseException) -> None:
    _say("".join(traceback.format_exception(error)).rstrip("\n"))


def _say(text: str) -> None:
    """Says it without secrets, and without what could steer a terminal."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("".join(f"{clean(line)}\n" for line in mask(text).split("\n")))
        sys.stderr.flush()
