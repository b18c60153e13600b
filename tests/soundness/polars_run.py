"""The long soundness run: `python -m tests.soundness.polars_run [plans] [seed]`."""

from __future__ import annotations

import sys
import time
from random import Random

from tests.soundness.polars_plans import random_plan
from tests.soundness.polars_proof import Claim, Tally, prove

MOST_UNCONFIRMED = 0.10
"""The share of direct claims that may stay without confirmation, when there are thousands of plans."""


def main(plans: int, seed: int) -> int:
    """Proves that many random plans and prints what was counted; 1 if an influence was missed or too much claimed."""
    tally, begun = Tally(), time.perf_counter()
    for number in range(plans):
        random = Random(f"{seed}/{number}")
        plan = random_plan(random)
        known, held = len(tally.misses), len(tally.unheld)
        prove(plan, random, tally)
        for sentence in tally.unheld[held:]:
            print(f"not held to its read set, plan {number}: {sentence}", flush=True)
        for miss in tally.misses[known : known + 2]:
            print(f"missed, plan {number}: {miss}", flush=True)
    print(
        f"plans {tally.plans} ({tally.opaque} of them with something assumed; dropped {tally.dropped}, "
        f"got wrong by polars itself {tally.miscompiled}), "
        f"runs {tally.runs}, claims {tally.claims}, missed {len(tally.misses)}, "
        f"not held to their read sets {len(tally.unheld)}, seconds {time.perf_counter() - begun:.0f}"
    )
    print("direct claims, and how many of them no perturbation confirmed:")
    for claim in Claim:
        unseen, made = tally.direct_unseen[claim], tally.direct[claim]
        print(f"  {claim:24} {made:7} claims, {unseen:6} unconfirmed, {tally.share(claim):6.1%}")
    unseen, made = tally.direct_unseen.total(), tally.direct.total()
    print(f"  {'all':24} {made:7} claims, {unseen:6} unconfirmed, {tally.share():6.1%}")
    print(
        f"  counted for each output column that they touch: {tally.pairs} claims, {tally.pairs_unseen} unconfirmed, "
        f"{tally.pairs_unseen / max(1, tally.pairs):.1%}"
    )
    print("edges of single columns, by kind:")
    for kind, number in sorted(tally.kinds.items()):
        print(f"  {kind:15} {number:7} edges, {tally.unconfirmed[kind]:7} seen in no perturbation")
    return 1 if tally.misses or tally.unheld or tally.share() > MOST_UNCONFIRMED else 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    raise SystemExit(main(*(arguments + [2000, 1][len(arguments) :])))
