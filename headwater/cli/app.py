"""The whole program around one command: streams, signals, errors, exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from headwater.cli.call import Call
from headwater.cli.command import take_common
from headwater.cli.failure import report_failure
from headwater.cli.group import LazyGroup
from headwater.cli.index import COMMANDS
from headwater.cli.signals import Signals
from headwater.cli.streams import answer_stream, finish


class _Headwater(LazyGroup):
    def invoke(self, ctx: click.Context) -> int:
        take_common(ctx.ensure_object(Call), ctx)
        status: int = super().invoke(ctx)
        return status


program = _Headwater(
    name="headwater",
    sections=COMMANDS,
    help="Headwater makes tables out of Python functions and SQL queries, recomputes exactly what is stale, and "
    "keeps evidence of what every column was made of.",
    epilog="headwater COMMAND --help explains a command.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    subcommand_metavar="COMMAND ...",
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Carries out a command line.

    Arguments:
        arguments: the words after ``headwater``; those of this process if not given.

    Returns:
        The exit status: 0 done, 1 something ran and failed, 2 wrong use or a definition error, 3 refused,
        130 interrupted, 143 terminated.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "_HEADWATER_COMPLETE" in os.environ:
        program.main(words, prog_name="headwater")
    call = Call(words=tuple(words))
    with answer_stream(_wants_document(words)) as out, Signals() as signals:
        call.out = out
        try:
            status = _carry_out(words, call)
        except BaseException as error:  # noqa: BLE001 -- the last place that can say what happened
            status = report_failure(error, call, words)
        return finish(out, signals.status(status))


def _wants_document(words: Sequence[str]) -> bool:
    """Whether programs are going to read the answer: as JSON, or in one of the forms of lineage."""
    options = {word.partition("=")[0] for word in words}
    return bool({"--json", "--format"} & options) and not {"-h", "--help", "--version"} & options


def _carry_out(words: list[str], call: Call) -> int:
    try:
        status = program.main(words, prog_name="headwater", standalone_mode=False, obj=call)
    except click.exceptions.Exit as left:
        return left.exit_code
    return status if isinstance(status, int) else 0
