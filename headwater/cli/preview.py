"""``headwater preview``."""

from __future__ import annotations

import click

from assets_core.errors import HeadwaterError, RunError
from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import complete_keys, head_option, set_option


@verb(
    "preview",
    examples=(("headwater preview marts/kpis", ""), ("headwater preview staging/flights@2013-02-01 --head 5", "")),
)
@click.argument("slot", metavar="ASSET[@PARTITION]", shell_complete=complete_keys, help="The slot.")
@head_option(10)
@set_option
def command(call: Call, slot: str, head: int) -> int:
    """Compute one slot with this code and show it, recording nothing.

    Reads its inputs as they are published.
    """
    from assets_core.keys import parse_slot
    from headwater.report.data import data_document, data_text
    from headwater.secrets import mask
    from lineage.presentable import presentable

    with call.open() as project:
        wanted = parse_slot(slot)
        try:
            frame = project.preview(wanted.asset, wanted.partition)
        except HeadwaterError:
            raise
        except Exception as error:
            from materializers.task import step_error

            asset = project.graph.asset(wanted.asset)
            failed = step_error(error, asset.function, mask)
            raise RunError(
                "HW501", f"the code of {asset.key} raised {failed.type}", where=asset.where, why=failed.traceback
            ) from error
        body = presentable(frame.head(head + 1))
        call.answer(lambda style: data_text(body, head, style), lambda: data_document(body, head))
    return 0
