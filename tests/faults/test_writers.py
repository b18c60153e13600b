"""Eight processes that write to one catalog without rest: nobody is locked out, and no claim is held twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lineage.audit import verify
from lineage.catalog.store import Catalog
from tests.child import ROOT

SECONDS = 60 if os.environ.get("HEADWATER_FAULTS") == "all" else 3
WRITERS = 8

WRITER = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from assets_core.keys import Slot
from lineage.catalog.store import Catalog
from lineage.catalog.values import Want
from tests.lineage.catalog_samples import NOW, begun, made_of, outcome_of

name, path, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
catalog = Catalog.open(path)
run = begun(catalog, name)
commits = refused = since = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    slot = Slot("shared", str(commits % 3))
    answer = catalog.claim("dev", run, [Want(0, (slot,))], (), since)
    since = answer.sequence
    catalog.beat(run, datetime.now(UTC))
    if answer.busy:
        refused += 1
        catalog.neighbours("dev", run, since)
        commits += 1
        continue
    lock = path.with_name(f"lock-{slot.partition}")
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))  # fails if another has claimed the slot too
    shown = catalog.published("dev", assets=["shared"], lineage=False).get(slot)
    made = made_of(f"{name}-{commits}", slot, run_id=run)
    lock.unlink()
    report = catalog.commit("dev", run, [outcome_of(made, shown and shown.id)], NOW)
    assert not report.lost, "somebody published what was claimed"
    commits += 1
print(commits, refused)
"""


def test_eight_writing_processes_are_never_locked_out_and_never_hold_a_claim_together(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog.open(path).close()
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen(
            [*command, f"writer-{n}", str(path), str(SECONDS)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(WRITERS)
    ]  # fmt: skip
    turns = refusals = 0
    for writer in writers:
        output, errors = writer.communicate(timeout=SECONDS + 120)
        assert writer.returncode == 0, errors
        done, refused = map(int, output.split())
        turns, refusals = turns + done, refusals + refused
    with Catalog.open(path) as catalog:
        assert len(catalog.publications()) == turns - refusals
        assert verify(catalog, lambda stored: None, data=False).findings == ()
    assert turns > refusals
