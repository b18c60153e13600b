"""``headwater show``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import all_option, complete_keys, set_option


@verb(
    "show",
    examples=(
        ("headwater show staging/flights", ""),
        ("headwater show flights", "a bare name will do"),
        ("headwater show flights --code", "what decides whether its code changed"),
    ),
)
@click.argument(
    "asset", metavar="ASSET", shell_complete=complete_keys, help="Its key, or its name where only one has it."
)
@click.option("--code", is_flag=True, help="Show what entered the digests of its code; with -v also its source.")
@all_option
@set_option
def command(call: Call, asset: str, code: bool) -> int:
    """Show one asset's card.

    What it is, what it reads and gives, its columns and checks, and how its slots stand.
    """
    from headwater.cli.call import partitions_of
    from headwater.report.card import card_document, card_text

    if code:
        return _code(call, asset)
    with call.open() as project:
        definition = project.graph.find(asset)
        found = project.validate(rebuild=False)
        derivation, locality = found.derivations.get(definition.key), found.localities.get(definition.key)
        verdicts = project.status(definition.key) if definition.key in project.graph.inputs else {}
        card = card_document(definition, project.graph, derivation, verdicts, str(project.root), locality)
        call.answer(
            lambda style: card_text(card, verdicts, call.title, style, partitions_of=partitions_of(project)),
            lambda: card,
        )
    return 0


def _code(call: Call, asset: str) -> int:
    from headwater.code import code_card
    from headwater.report.code import code_document, code_text

    with call.open() as project:
        card = code_card(project, asset)
        call.answer(lambda style: code_text(card, call.title, style, source=call.verbose), lambda: code_document(card))
    return 0
