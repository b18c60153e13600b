"""Mutated statements of all dialects: `python -m tests.soundness.sql_fuzz [COUNT] [SEED]`.

Whatever the text, there is a result or a HeadwaterError, in under two seconds.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from assets_core.errors import HeadwaterError
from lineage.columns.sql import sql_lineage, sql_script_lineage
from lineage.columns.sql_bound import bound_names, to_duckdb
from tests.lineage.sql_fixtures import read_cases

DIALECTS = (
    "duckdb", "postgres", "snowflake", "bigquery", "redshift", "spark", "databricks", "hive", "trino", "presto", "tsql",
    "mysql", "sqlite", "clickhouse", "oracle", "flink", "",
)  # fmt: skip
_TOKEN = re.compile(r"\s+|\w+|'[^']*'|.", re.DOTALL)
_NOISE = (
    *("(", ")", ",", "*", "'", '"', ";", ".", "::", ":", "$", "@", "{", "}", "[", "]", "--", "/*", "\x00", "é", "null"),
    *("select", "from", "with", "as", "over", "case", "end", "union", "lateral", "using", "group by", "1e999"),
)
SECONDS = 2.0


@dataclass
class Outcome:
    """What became of the statements: how many gave a result, which errors there were, and what went wrong."""

    results: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


def fuzz(count: int, seed: int) -> Outcome:
    """Tries ``count`` mutated statements; the same seed gives the same statements."""
    random = Random(seed)
    seeds = [case.sql for case in read_cases()]
    outcome = Outcome()
    for _ in range(count):
        text = mutated(random.choice(seeds), seeds, random)
        _try(text, random.choice(DIALECTS), outcome)
    return outcome


def mutated(text: str, others: list[str], random: Random) -> str:
    """The text with a few tokens dropped, doubled, swapped, replaced, or with a piece of another text put in."""
    tokens = _TOKEN.findall(text)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(tokens)) if tokens else 0
        pick = random.randrange(6)
        if pick == 0 and tokens:
            del tokens[place]
        elif pick == 1 and tokens:
            tokens.insert(place, tokens[random.randrange(len(tokens))])
        elif pick == 2 and tokens:
            other = random.randrange(len(tokens))
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif pick == 3:
            tokens.insert(place, f" {random.choice(_NOISE)} ")
        elif pick == 4:
            piece = _TOKEN.findall(random.choice(others))
            start = random.randrange(len(piece))
            tokens[place:place] = [" ", *piece[start : start + random.randint(1, 12)], " "]
        else:
            tokens = tokens[: place + 1]
    return "".join(tokens)


def _try(text: str, dialect: str, outcome: Outcome) -> None:
    began = time.perf_counter()
    for work in (sql_lineage, sql_script_lineage):
        try:
            work(text, dialect=dialect)
            outcome.results += 1
        except HeadwaterError as error:
            outcome.refused[error.code] += 1
        except Exception as error:  # noqa: BLE001 any other error is what is looked for
            outcome.crashes.append(f"{type(error).__name__}: {error} [{dialect}] {text!r}")
    try:
        to_duckdb(text)
        bound_names(text)
    except HeadwaterError as error:
        outcome.refused[error.code] += 1
    if time.perf_counter() - began > SECONDS:
        outcome.slow.append(f"[{dialect}] {text!r}")


def main(count: int, seed: int) -> int:
    """Runs and prints; the exit status is 1 if anything crashed or took too long."""
    outcome = fuzz(count, seed)
    refused = ", ".join(f"{code} {number}" for code, number in sorted(outcome.refused.items()))
    print(f"{count} statements, each read as one and as a script: {outcome.results} results; refused: {refused}")
    print(f"{len(outcome.crashes)} crashes, {len(outcome.slow)} took over {SECONDS:g} s")
    for sentence in [*outcome.crashes, *outcome.slow][:20]:
        print(" ", sentence)
    return int(bool(outcome.crashes or outcome.slow))


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*[*numbers, *(10_000, 1)[len(numbers) :]]))
