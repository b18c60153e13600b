"""A command line to call in this process, and a small project to call it on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.app import run
from headwater.scaffold import create_project


@dataclass(frozen=True)
class Answer:
    """What a command gave: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Headwater = Callable[..., Answer]


@pytest.fixture
def hw(capsys: pytest.CaptureFixture[str]) -> Headwater:
    """Calls the command line with some words, in a folder if one is given."""

    def call(*words: object, at: Path | None = None) -> Answer:
        capsys.readouterr()
        place = [] if at is None else ["-C", str(at)]
        status = run([*place, *map(str, words)])
        said = capsys.readouterr()
        return Answer(status, said.out, said.err)

    return call


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The project of ``headwater init``, nothing materialized."""
    create_project(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture(scope="session")
def _materialized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("materialized") / "shop"
    create_project(folder)
    assert run(["-C", str(folder), "-q", "materialize"]) == 0
    return folder


@pytest.fixture
def full_shop(_materialized: Path, tmp_path: Path) -> Path:
    """The same, everything materialized; a copy that may be changed."""
    return Path(shutil.copytree(_materialized, tmp_path / "shop", symlinks=True))


DAYS = '''
import polars as pl
from headwater import Context, Daily, asset, check, source

days = Daily("2013-01-01", "2013-01-11")
source("raw/flights", files="flights.csv", partitions=days, partition_by="day",
       schema={"id": pl.Int64, "day": pl.Date, "delay": pl.Float64})

@asset(key="staging/flights", inputs={"raw": "raw/flights"}, partitions=days, partition_by="day",
       checks=[check.between("delay", 0, 8, severity="warn")])
def flights(context: Context, raw: pl.DataFrame) -> pl.DataFrame:
    """One row per flight."""
    print("working on", context.partition.key)
    if context.partition.key in BAD:
        raise ValueError("no such day")
    return raw

@asset(key="marts/delays", checks=[check.row_count(LEAST)])
def delays(staging_flights: pl.LazyFrame) -> pl.LazyFrame:
    """The mean delay."""
    return staging_flights.select(pl.col("delay").mean().alias("delay"))
'''


@pytest.fixture
def days(tmp_path: Path) -> Callable[..., Path]:
    """Writes a project of ten days; some may fail, and the mart may be blocked. Writing it again changes the code."""

    def write(bad: tuple[str, ...] = (), least: int = 1) -> Path:
        folder = tmp_path / "days"
        folder.mkdir(exist_ok=True)
        (folder / "headwater.toml").write_text(
            '[project]\nname = "days"\nmodules = ["flights"]\n[env.prod]\nprotected = true\n'
        )
        (folder / "flights.py").write_text(f"BAD = {bad!r}\nLEAST = {least}\n{DAYS}")
        rows = [f"{10 * n + k},2013-01-{n:02d},{k * 3.0}" for n in range(1, 11) for k in range(4)]
        (folder / "flights.csv").write_text("id,day,delay\n" + "\n".join(rows) + "\n")
        return folder

    return write
