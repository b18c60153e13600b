"""The long run of the SQL experiments: `python -m tests.soundness.sql_run [QUERIES] [SEED] [FOLDER]`.

Random queries on DuckDB and SQLite, TPC-H and TPC-DS, and mutated statements; the exit status is 1 if a column was
missed, a statement crashed or one took too long. FOLDER keeps the TPC texts and data between runs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.soundness import sql_fuzz, sql_tpc
from tests.soundness.sql_experiment import DuckDB, SQLite, misses, trials


def random_queries(count: int, seed: int) -> int:
    """Tries ``count`` random queries an engine and prints what was missed; their number."""
    tried = trials(seed, count, [DuckDB(), SQLite()])
    missed = [sentence for one in tried for sentence in misses(one)]
    seen = sum(len(places) for one in tried for places in one.effects.values())
    print(
        f"random queries: {len(tried)} tried, {seen} effects of a column on an output seen, {len(missed)} missed",
        flush=True,
    )
    for sentence in missed[:20]:
        print("  missed:", sentence)
    return len(missed)


def main(count: int, seed: int, folder: Path) -> int:
    """All three experiments, one after the other."""
    missed = random_queries(count, seed)
    return int(bool(missed)) | sql_tpc.main(folder) | sql_fuzz.main(10_000, seed)


if __name__ == "__main__":
    given = sys.argv[1:]
    count = int(given[0]) if given else 600
    seed = int(given[1]) if len(given) > 1 else 1
    folder = Path(given[2]) if len(given) > 2 else Path(tempfile.gettempdir()) / "headwater-tpc"
    sys.exit(main(count, seed, folder))
