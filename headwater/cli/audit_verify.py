"""``headwater audit verify``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import all_option


@verb(
    "verify",
    examples=(
        ("headwater audit verify", ""),
        ("headwater audit verify --no-data", "the catalog only"),
        ('headwater audit verify --head "$(cat noted)"', "and that nothing was cut off or hashed anew since"),
    ),
)
@click.option("--data/--no-data", default=True, show_default=True, help="Whether stored data is read and compared too.")
@click.option(
    "--head", metavar="'NUMBER HASH'", help="The head of the log as it was noted; the log must pass through it."
)
@all_option
def command(call: Call, data: bool, head: str | None) -> int:
    """Prove that no record and no data was altered or lost.

    Walks the chain of hashes over the catalog's entries and compares stored data with the digests recorded when it
    was made. The exit status is 1 if anything does not fit.
    """
    from headwater.report.audit import verify_document, verify_text

    with call.open() as project:
        report = project.verify(data=data, head=head)
        call.answer(
            lambda style: verify_text(report, call.title, style, data=data, noted=head is not None),
            lambda: verify_document(report),
            ok=report.ok,
        )
    return 0 if report.ok else 1
