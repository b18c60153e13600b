"""What goes wrong around a command: closed streams, damaged files, secrets in odd places, a Ctrl-C at once."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.headwater.test_cli_main import ENVIRONMENT, HEADWATER, shell


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_a_run_goes_on_with_closed_streams(shop: Path, closed: str) -> None:
    assert shell(f"hw -C {shop} materialize {closed}").returncode == 0
    assert json.loads(shell(f"hw -C {shop} plan --json").stdout)["steps"] == []


def test_a_table_that_was_tampered_with_is_told(hw, full_shop: Path) -> None:
    (stored,) = (full_shop / ".headwater" / "data" / "marts~customers").glob("*.parquet")
    stored.write_bytes(b"PAR1" + b"x" * 100)
    answer = hw("data", "marts/customers", at=full_shop)
    assert answer.err.startswith("HW425 the stored data of marts/customers is not what was stored any more")
    assert answer.status == 1


def test_a_scribbled_catalog_is_told(hw, full_shop: Path) -> None:
    catalog = full_shop / ".headwater" / "catalog.db"
    shell(f"hw -C {full_shop} ls")  # empties the log beside it
    data = catalog.read_bytes()
    catalog.write_bytes(data[:8192] + b"\xa5\xff" * ((len(data) - 8192) // 2))
    for command in ("status", "runs", "plan"):
        assert hw(command, at=full_shop).err.startswith("HW412 "), command


@pytest.mark.parametrize(
    ("altered", "command"),
    [
        ("update run set id = 7", "runs"),
        ("update standing set about = 'zz'", "status"),
        ("update log set hash = 'zz'", "audit log"),
        ("delete from materialization", "show marts/customers"),
    ],
)
def test_a_catalog_with_altered_rows_is_told(hw, full_shop: Path, altered: str, command: str) -> None:
    assert hw("plan", at=full_shop).status == 0
    catalog = sqlite3.connect(full_shop / ".headwater" / "catalog.db", isolation_level=None)
    for (name,) in catalog.execute("select name from sqlite_master where type = 'trigger'").fetchall():
        catalog.execute(f"drop trigger {name}")
    catalog.execute("pragma foreign_keys = off")
    catalog.execute(altered)
    catalog.close()
    assert hw(*command.split(), at=full_shop).err.startswith("HW412 ")


def test_settings_that_cannot_be_are_told_when_they_are_read(hw, full_shop: Path, tmp_path: Path) -> None:
    settings = full_shop / "headwater.toml"
    settings.write_text(settings.read_text().replace("[project]", '[project]\ntimezone = "Mars/X"', 1))
    answer = hw("validate", at=full_shop)
    assert (answer.status, "there is no time zone 'Mars/X'" in answer.err) == (2, True)
    (tmp_path / "empty" / "headwater.toml").mkdir(parents=True)
    assert hw("ls", at=tmp_path / "empty").err.startswith("HW141 headwater.toml cannot be read")


SECRETIVE = """
import polars as pl
from headwater import Context, Resource, asset, check

class Api(Resource):
    token: str

@asset(key="a", checks=[check.accepted_values("url", ["x"], severity="warn")])
def a(context: Context, api: Api) -> pl.DataFrame:
    context.add_metadata(token=api.token, nested={"list": ["with " + api.token]})
    return pl.DataFrame({"url": ["postgres://u:" + api.token + "@h"]})
"""


def test_a_secret_reaches_neither_metadata_nor_samples_nor_reasons(
    desk: Desk, hw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hush-hush-4711")
    desk.define(SECRETIVE)
    toml = desk.root / "headwater.toml"
    toml.write_text(toml.read_text() + '\n[resources.api]\ntoken = "${API_TOKEN}"\n')
    assert hw("materialize", "--reason", "because of hush-hush-4711", at=desk.root).status == 0
    told = hw("audit", "manifest", "a", "--json", at=desk.root).out + hw("runs", "--json", at=desk.root).out
    assert "****" in told
    assert "hush-hush-4711" not in told
    kept = (desk.root / ".headwater" / "catalog.db").read_bytes()
    assert b"hush-hush-4711" not in kept


def test_prune_names_the_environment_that_is_protected(hw, full_shop: Path) -> None:
    settings = full_shop / "headwater.toml"
    settings.write_text(re.sub(r"\[env\.prod\][^\[]*", "", settings.read_text()) + "\n[env.prod]\nprotected = true\n")
    made = hw("env", "create", "prod", "--from", "dev", "--yes", "--reason", "begin", at=full_shop)
    assert made.status == 0, made
    answer = hw("prune", "--yes", at=full_shop)
    assert answer.err.startswith("HW751 prod is protected")


def test_an_interruption_before_the_answer_is_a_document_too(full_shop: Path) -> None:
    module = full_shop / "assets.py"
    module.write_text("import sys, time\nsys.stderr.write('loading\\n')\ntime.sleep(20)\n" + module.read_text())
    process = subprocess.Popen(
        [*HEADWATER, "-C", str(full_shop), "ls", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stderr is not None
    while "loading" not in process.stderr.readline():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["errors"][0]["code"] == "HW598"


def test_arguments_are_explained_once(hw) -> None:
    assert hw("show", "--help").out.count("Its key, or its name where only one has it.") == 1


def test_a_signal_during_the_imports_shows_no_traceback(full_shop: Path) -> None:
    program = (
        "import builtins, sys; plain = builtins.__import__\n"
        "def stop(name, *rest):\n"
        "    if name == 'headwater.cli.app': raise KeyboardInterrupt\n"
        "    return plain(name, *rest)\n"
        "builtins.__import__ = stop\n"
        "from headwater.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "ls"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


TWO_SOURCES = """
import polars as pl
from headwater import asset, multi_asset, source, Out

source("raw/good", files="good.csv")
source("raw/gone", files="gone.csv")

@asset(key="good", inputs={"raw": "raw/good"})
def good(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw

@multi_asset(outputs={"one": Out("one"), "two": Out("two")}, inputs={"raw": "raw/gone"})
def both(raw: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {"one": raw, "two": raw}

@asset(key="below", inputs={"one": "one", "good": "good"})
def below(one: pl.LazyFrame, good: pl.LazyFrame) -> pl.LazyFrame:
    return good
"""


CHECKED_SOURCES = """
import polars as pl
from headwater import asset, check, source, Static

both = Static(["one", "two"])
raw = source("raw", files="raw.csv", checks=[check.not_null("id")])
by_name = source("by_name", files="raw.csv", partitions=both, partition_by="name", checks=[check.not_null("id")])

@asset(key="reader", inputs={"raw": raw})
def reader(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw

@asset(key="each", inputs={"raw": by_name}, partitions=both)
def each(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw

@asset(key="other")
def other() -> pl.DataFrame:
    return pl.DataFrame({"a": [1]})
"""


def test_a_source_that_fails_its_check_the_first_time_stops_only_what_reads_it(desk: Desk, hw) -> None:
    desk.define(CHECKED_SOURCES)
    desk.write("raw.csv", "id,name\n1,one\n,two\n")
    for again in (False, True):
        answer = hw("materialize", at=desk.root)
        assert answer.status == 1
        assert "what reads raw is left out: HW319 source raw: not_null(id) failed on its files" in answer.err
        assert "1 of 2 rows have no value in 'id'" in answer.err
        assert "each@two left out: a blocking check of a source failed on what it would read" in answer.err, again
    made = desk.project.catalog.published("dev")
    assert {str(slot) for slot in made} == {"by_name@one", "each@one", "other"}
    assert hw("plan", "reader", at=desk.root).err.startswith("HW319 ")
    desk.write("raw.csv", "id,name\n1,one\n2,two\n")
    assert hw("materialize", "--json", at=desk.root).document["counts"] == {"succeeded": 2}


def test_what_must_read_files_that_failed_their_check_says_so(desk: Desk, hw) -> None:
    desk.define(CHECKED_SOURCES)
    desk.write("raw.csv", "id,name\n1,one\n2,two\n")
    assert hw("materialize", "reader", at=desk.root).status == 0
    desk.write("raw.csv", "id,name\n1,one\n,two\n")
    assert hw("materialize", "reader", at=desk.root).status == 0, "it was made of what was observed last"
    for words in (["materialize", "reader", "--force"], ["data", "raw"], ["check", "raw"]):
        answer = hw(*words, at=desk.root)
        assert answer.status == 1
        assert "source raw: not_null(id) failed on its files" in answer.err + answer.out
        assert "mend the files" in answer.err + answer.out
        assert "run the command again" not in answer.err + answer.out


def test_a_source_of_which_no_partition_passes_stops_only_what_reads_it(desk: Desk, hw) -> None:
    desk.define(CHECKED_SOURCES)
    desk.write("raw.csv", "id,name\n,one\n,two\n")
    answer = hw("materialize", at=desk.root)
    assert answer.status == 1
    assert "HW319 source by_name@one and 1 more: not_null(id) failed on its files" in answer.err
    assert {slot.asset for slot in desk.project.catalog.published("dev")} == {"other"}


def test_a_source_that_is_gone_stops_only_what_reads_it(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES)
    desk.write("good.csv", "a\n1\n")
    answer = hw("materialize", at=desk.root)
    assert answer.status == 1
    assert "what reads raw/gone is left out: HW310" in answer.err
    assert {slot.asset for slot in desk.project.catalog.published("dev")} == {"raw/good", "good"}
    (run,) = hw("runs", "--json", at=desk.root).document["runs"]
    assert (run["state"], run["reason"]) == ("failed", "raw/gone could not be observed")
    assert hw("materialize", "one", at=desk.root).err.startswith("HW310 ")
    assert hw("materialize", at=desk.root).status == 1, "what is left is fresh: only the error is left to be told"
    desk.write("gone.csv", "a\n1\n")
    assert hw("materialize", "--json", at=desk.root).document["counts"] == {"succeeded": 2}


def test_a_plan_leaves_out_what_a_run_would(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES)
    desk.write("good.csv", "a\n1\n")
    answer = hw("plan", at=desk.root)
    assert answer.status == 0
    assert "1 step, 1 asset" in answer.out
    assert "warning: what reads raw/gone is left out: HW310 there is no file 'gone.csv'\n    at " in answer.err
    dry = hw("materialize", "--dry-run", "--json", at=desk.root).document
    assert [step["asset"] for step in dry["steps"]] == ["good"]
    assert [one.partition(": ")[0] for one in dry["warnings"]] == ["what reads raw/gone is left out"]
    assert hw("materialize", at=desk.root).err.count("what reads raw/gone is left out") == 1
    assert [hw(words, at=desk.root).status for words in ("plan", "materialize")] == [1, 1], "what is left is fresh"


def test_a_plan_warns_of_what_a_run_would(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES.replace("    return raw", "    return raw.collect().lazy()"))
    desk.write("good.csv", "a\n1\n")
    for words in (["plan", "good"], ["materialize", "good"], ["plan", "good"]):
        assert hw(*words, at=desk.root).err.count("warning: good collects its input raw while it builds") == 1


def test_status_says_which_source_could_not_be_observed_and_why(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES)
    for name in ("good.csv", "gone.csv"):
        desk.write(name, "a\n1\n")
    assert hw("materialize", at=desk.root).status == 0
    (desk.root / "gone.csv").unlink()
    answer = hw("status", at=desk.root)
    assert answer.status == 0
    assert "stale  raw/gone could not be observed" in answer.out
    assert "warning: raw/gone could not be observed: HW310 there is no file 'gone.csv'\n    at " in answer.err
    (warning,) = hw("status", "--json", at=desk.root).document["warnings"]
    assert warning.startswith("raw/gone could not be observed: HW310")
    assert hw("status", "good", "--json", at=desk.root).document["warnings"] == []


def test_status_says_which_code_cannot_run(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES + "\n@asset\ndef wrong(good: pl.LazyFrame) -> pl.LazyFrame:\n    return good.select('b')\n")
    for name in ("good.csv", "gone.csv"):
        desk.write(name, "a\n1\n")
    answer = hw("status", at=desk.root)
    assert answer.status == 0
    assert "warning: HW220 there is no column 'b'\n" in answer.err


def test_prune_leaves_what_is_older_than_the_catalog(hw, full_shop: Path) -> None:
    before = sorted((full_shop / ".headwater" / "data").rglob("*.parquet"))
    for one in (full_shop / ".headwater").glob("catalog.db*"):
        one.unlink()
    anew = hw("materialize", at=full_shop)
    assert anew.status == 0
    assert "the catalog is new, and storage default holds" in anew.err
    answer = hw("prune", "--yes", "--grace", "0", "--reason", "x", at=full_shop)
    assert answer.status == 0
    assert "older than this catalog" in answer.err
    assert all(one.exists() for one in before)


KEYS = """
import polars as pl
from headwater import Context, Dynamic, asset

@asset(key="by", partitions=Dynamic("names"))
def by(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"name": [context.partition.key]})

@asset(key="plain")
def plain() -> pl.DataFrame:
    return 5
"""


def test_what_is_read_by_nothing_is_not_shown_either(desk: Desk, hw) -> None:
    desk.define(KEYS)
    assert hw("partitions", "add", "names", "one", "two", at=desk.root).status == 0
    assert hw("materialize", "by", at=desk.root).status == 0
    assert hw("partitions", "retire", "names", "two", at=desk.root).status == 0
    assert hw("data", "by", "--json", at=desk.root).document["rows"] == [["one"]]
    assert hw("data", "by@two", "--json", at=desk.root).document["rows"] == [["two"]]


def test_an_error_of_a_step_is_told_once(desk: Desk, hw) -> None:
    desk.define(KEYS)
    answer = hw("materialize", "plain", "--progress", "none", at=desk.root)
    assert answer.status == 1
    assert answer.out.count("HW332") == 1, answer.out


def test_a_key_of_what_has_no_partitions_is_told(desk: Desk, hw) -> None:
    desk.define(KEYS)
    answer = hw("data", "plain@2013", at=desk.root)
    assert answer.err.startswith("HW615 plain has no partitions, so none is called '2013'")


def test_a_file_name_that_is_no_text_is_told(desk: Desk, hw) -> None:
    desk.define(TWO_SOURCES.replace("gone.csv", "two*.csv"))
    desk.write("good.csv", "a\n1\n")
    with open(os.fsencode(desk.root) + b"/two\xff.csv", "w") as file:
        file.write("a\n1\n")
    answer = hw("materialize", at=desk.root)
    assert answer.status == 1
    assert "HW311 the name of the file two\\xff.csv is not UTF-8" in answer.err


def test_what_a_step_said_cannot_steer_the_terminal(desk: Desk, hw) -> None:
    desk.define(KEYS.replace("return 5", "print('\\x1b[2Jgone'); raise ValueError('\\x1b]0;title\\x07')"))
    assert hw("materialize", "plain", at=desk.root).status == 1
    (run,) = hw("runs", "--json", at=desk.root).document["runs"]
    said = hw("runs", "logs", run["run"], at=desk.root).out
    assert "gone" in said
    assert "\x1b" not in said


def test_settings_that_mean_nothing_are_found_by_validate(desk: Desk, hw) -> None:
    desk.define(SECRETIVE)
    toml = desk.root / "headwater.toml"
    plain = toml.read_text()
    toml.write_text(plain + '\n[resources.apu]\ntoken = "x"\n')
    found = hw("validate", "--json", at=desk.root).document
    assert found["warnings"] == [
        "[resources.apu] of headwater.toml fills no resource of any asset: did you mean 'api'?"
    ]
    toml.write_text(plain + '\n[executor]\nkind = "spark"\n')
    assert hw("validate", at=desk.root).err.startswith("HW652 ")


MUTE = """
import datetime, polars as pl
from headwater import Context, Resource, asset

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

class Door(Resource):
    def close(self):
        raise Mute()

@asset(key="mute")
def mute() -> pl.DataFrame:
    raise Mute()

@asset(key="lazily")
def lazily(sound: pl.LazyFrame) -> pl.LazyFrame:
    raise Mute()

@asset(key="in_rows")
def in_rows(sound: pl.DataFrame) -> pl.DataFrame:
    return sound.select(pl.col("n").map_batches(lambda _: raise_mute(), return_dtype=pl.Int64))

def raise_mute():
    raise Mute()

@asset(key="moment")
def moment(context: Context) -> pl.DataFrame:
    context.add_metadata(rows=1, at=datetime.datetime(2020, 1, 1))
    return pl.DataFrame({"n": [1]})

@asset(key="pairs")
def pairs(context: Context) -> pl.DataFrame:
    context.add_metadata(by={(1, 2): 3})
    return pl.DataFrame({"n": [1]})

@asset(key="long")
def long() -> pl.DataFrame:
    raise ValueError("x" * 3_000_000)

@asset(key="sound")
def sound(context: Context, door: Door) -> pl.DataFrame:
    listed = [1]
    context.add_metadata(listed=listed, pair=(1, None))
    listed.append(datetime.datetime(2020, 1, 1))  # what was said counts, not what became of it
    return pl.DataFrame({"n": [1]})
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_exceptions_without_words_and_odd_metadata_fail_their_own_step(desk: Desk, executor: str) -> None:
    desk.write("definitions.py", MUTE)
    answer = subprocess.run(
        [*HEADWATER, "-C", desk.root, "materialize", "--executor", executor, "--json"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False,
    )  # fmt: skip
    steps = {one["asset"]: one for one in json.loads(answer.stdout)["steps"]}

    assert {key: one["state"] for key, one in steps.items()} == {
        "sound": "succeeded", **dict.fromkeys(("mute", "lazily", "in_rows", "moment", "pairs", "long"), "failed")
    }  # fmt: skip
    assert "<exception str() failed>" in json.dumps(steps["mute"])
    assert "metadata 'at' is a datetime" in json.dumps(steps["moment"])
    assert "metadata 'by' is a dict" in json.dumps(steps["pairs"])
    assert len(json.dumps(steps["long"])) < 300_000
