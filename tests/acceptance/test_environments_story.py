"""A change from a branch to production and back, as a team lives it; and what must not reach production."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
TOML = """
[project]
name = "rates"
modules = ["rates"]

[env.prod]
protected = true

[env.dev.config.orders]
sample = 2
"""
CODE = """
import polars as pl
from headwater import Config, asset, source

raw = source("raw/orders", files="orders.csv")

class Sample(Config):
    sample: int = 0

@asset(key="orders", inputs={"raw": raw})
def orders(raw: pl.LazyFrame, sample: Sample) -> pl.LazyFrame:
    return raw.head(sample.sample) if sample.sample else raw

@asset(key="revenue")
def revenue(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.select(total=pl.col("amount").sum() * 2)

@asset(key="countries", inputs={"raw": raw})
def countries(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("country").unique()
"""
SURE = ("--yes", "--reason", "ticket 12")


class Shop:
    """A project on which commands are typed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "headwater.toml").write_text(TOML)
        (root / "rates.py").write_text(CODE)
        (root / "orders.csv").write_text("id,country,amount\n1,DE,10\n2,FR,20\n3,DE,30\n")

    def __call__(self, *words: str, status: int = 0) -> str:
        """Types a command; gives what it said, on both streams."""
        environment = {**os.environ, "HEADWATER_ACTOR": "ada", "NO_COLOR": "1"}
        environment.pop("HEADWATER_ENV", None)
        done = subprocess.run(
            [BIN / "headwater", *words], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def edit(self, before: str, after: str) -> None:
        text = (self.root / "rates.py").read_text()
        assert before in text
        (self.root / "rates.py").write_text(text.replace(before, after))

    def total(self, env: str) -> str:
        return self("--env", env, "--json", "data", "revenue").split('"rows": [')[1].split("]")[0].strip(" [\n")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Everything materialized in prod."""
    made = Shop(tmp_path)
    made("--env", "prod", "-q", "materialize")
    return made


def test_a_change_goes_from_a_branch_to_production_and_back_without_computing_twice(shop: Shop) -> None:
    assert shop.total("prod") == "120"
    shop("env", "create", "new-rate", "--from", "prod")
    shop.edit("* 2", "* 3")
    assert "1 succeeded" in shop("--env", "new-rate", "materialize")
    assert (shop.total("prod"), shop.total("new-rate")) == ("120", "180")

    shop("env", "promote", "new-rate", "prod", *SURE)
    assert shop.total("prod") == "180"
    assert "nothing to do" in shop("--env", "prod", "materialize")

    first = shop("--env", "prod", "runs").splitlines()[-1].split()[0]
    assert "revenue" in shop("env", "rollback", "prod", "--to", first, *SURE)
    assert shop.total("prod") == "120"
    shop("--env", "prod", "materialize")  # the nightly run, with the new code still checked out
    assert shop.total("prod") == "120"
    assert "rolled back" in shop("--env", "prod", "status", "state:held")

    shop("env", "release", "prod", *SURE)
    assert "1 reused" in shop("--env", "prod", "materialize")
    assert shop.total("prod") == "180"
    shop("env", "drop", "new-rate")
    assert "intact" in shop("--env", "prod", "audit", "verify")


def test_the_sample_of_dev_and_code_that_is_not_merged_never_reach_production(shop: Shop) -> None:
    shop("-q", "materialize")  # in dev, on a sample
    assert shop.total("dev") == "60"
    shop.edit('select("country").unique()', 'select("country", "amount").unique()')
    shop("-q", "materialize", "countries")
    shop.edit('select("country", "amount").unique()', 'select("country").unique()')

    said = shop("env", "promote", "dev", "prod", *SURE)
    assert "config sample changed from 2 to 0" in said
    assert "code of countries changed" in said
    assert shop.total("prod") == "120"


def test_a_wrong_result_disappears_everywhere_and_the_report_frozen_before_says_what_it_was_made_of(
    shop: Shop,
) -> None:
    shop("env", "create", "q3-report", "--from", "prod", "--frozen")
    said = shop("--env", "prod", "withdraw", "orders", *SURE)
    assert "prod shows instead" in said
    assert "q3-report shows instead" in said
    assert "made of it" in said
    assert "withdrawn: orders" in shop("--env", "q3-report", "audit", "manifest", "revenue")
    assert "never materialized" in shop("--env", "prod", "materialize", "revenue", "--force", *SURE, status=2)
    assert "1 succeeded" in shop("--env", "prod", "materialize")  # made anew, not reused
    assert "frozen" in shop("--env", "q3-report", "materialize", status=3)
    assert "intact" in shop("--env", "prod", "audit", "verify")
