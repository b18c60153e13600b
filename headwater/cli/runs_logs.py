"""``headwater runs logs``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb


@verb(
    "logs",
    examples=(
        ("headwater runs logs 0199d3c2-11ab", ""),
        ("headwater runs logs 0199d3c2-11ab staging/flights@2013-02-01", "one slot"),
    ),
)
@click.argument("run", metavar="ID", help="The run; the beginning of its id will do.")
@click.argument("slot", metavar="[ASSET[@PARTITION]]", required=False, help="Only of this asset or slot.")
@click.option("--failed", is_flag=True, help="Only of steps that did not end well.")
def command(call: Call, run: str, slot: str | None, failed: bool) -> int:
    """Show what a run's steps printed, logged and raised.

    Every attempt by itself, told apart even where steps ran at the same time.
    """
    from assets_core.errors import UsageError, did_you_mean
    from assets_core.keys import Slot, parse_slot
    from assets_core.partitions import plain_key
    from assets_core.run import WELL_ENDED
    from headwater.report.runs import logs_document, logs_text

    with call.open() as project:
        record, steps = project.run(run)
        if slot is not None:
            wanted = parse_slot(slot)
            known = {one.slot.asset for one in steps}
            key = wanted.asset if wanted.asset in known else project.graph.find(wanted.asset).key
            definition = project.graph.definitions.get(key)
            partition = wanted.partition and plain_key(definition.partitions if definition else None, wanted.partition)
            found = [one for one in steps if one.slot.asset == key and partition in (None, one.slot.partition)]
            if not found:
                name = str(Slot(key, partition))
                near = did_you_mean(name, (str(one.slot) for one in steps))
                raise UsageError(
                    "HW680", f"run {record.id[:13]} has no step {name}",
                    hint=near or "headwater runs show ID tells its steps",
                )  # fmt: skip
            steps = found
        if failed:
            steps = [one for one in steps if one.state not in WELL_ENDED]
        call.answer(
            lambda style: logs_text(steps, style) or f"run {record.id}: nothing was printed, logged or raised",
            lambda: logs_document(record, steps),
        )
    return 0
