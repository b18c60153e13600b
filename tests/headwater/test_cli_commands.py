"""What the commands do, one by one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_a_new_project_runs(hw, tmp_path) -> None:
    made = hw("init", tmp_path / "new")
    assert made.status == 0
    assert hw("validate", at=tmp_path / "new").status == 0
    assert hw("materialize", at=tmp_path / "new").status == 0
    assert hw("status", "--json", at=tmp_path / "new").document["counts"] == {"fresh": 3}


def test_the_test_of_a_new_project_passes(hw, tmp_path) -> None:
    hw("init", tmp_path / "new")
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "new", env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 passed" in said.stdout


def test_init_overwrites_nothing(hw, tmp_path) -> None:
    (tmp_path / "assets.py").write_text("mine")
    answer = hw("init", tmp_path)
    assert answer.status == 3
    assert [path.name for path in tmp_path.iterdir()] == ["assets.py"]
    assert (tmp_path / "assets.py").read_text() == "mine"


def test_init_takes_a_name(hw, tmp_path) -> None:
    hw("init", tmp_path / "new", "--name", "orders")
    assert hw("status", "--json", at=tmp_path / "new").document["project"] == "orders"


def test_validate_finds_a_missing_column_before_anything_runs(hw, shop) -> None:
    query = shop / "sql" / "marts" / "daily_revenue.sql"
    query.write_text(query.read_text().replace("sum(amount)", "sum(amuont)"))
    answer = hw("validate", "--json", at=shop)
    assert (answer.status, answer.document["ok"]) == (2, False)
    assert "amuont" in answer.document["errors"][0]["message"]
    assert "amuont" in answer.err


def test_ls_takes_a_selection(hw, full_shop) -> None:
    assert hw("ls", "--names", "marts/*", at=full_shop).out.split() == ["marts/customers", "marts/daily_revenue"]


def test_ls_lists_sources_before_what_reads_them(hw, shop) -> None:
    assert hw("ls", "--names", "kind:source", "kind:python", at=shop).out.split()[0] == "raw/orders"


def test_ls_of_a_source_alone_works(hw, shop) -> None:
    answer = hw("ls", "raw/orders", at=shop)
    assert (answer.status, "raw/orders" in answer.out) == (0, True)


def test_show_says_which_columns_are_read(hw, shop) -> None:
    answer = hw("show", "daily_revenue", "--json", at=shop)
    assert answer.document["inputs"][0]["columns"] == ["day", "amount"]


def test_show_of_a_source_names_its_files(hw, shop) -> None:
    assert "data/orders*.csv" in hw("show", "raw/orders", at=shop).out


def test_show_tells_the_ranges_of_partitions_in_each_state(hw, days) -> None:
    project = days()
    hw("materialize", "+staging/flights", "--partition", "2013-01-03..2013-01-06", at=project)
    hw("materialize", "+staging/flights", "--partition", "2013-01-09", at=project)
    document = hw("show", "staging/flights", "--json", at=project).document
    assert document["ranges"] == {
        "fresh": ["2013-01-03..2013-01-06", "2013-01-09"],
        "missing": ["2013-01-01..2013-01-02", "2013-01-07..2013-01-08", "2013-01-10"],
    }
    lines = [line.split() for line in hw("show", "staging/flights", at=project).out.splitlines()]
    assert ["fresh", "2013-01-03..2013-01-06,", "2013-01-09"] in lines
    assert ["missing", "2013-01-01..2013-01-02,", "2013-01-07..2013-01-08,", "2013-01-10"] in lines


def test_show_has_no_ranges_without_partitions(hw, shop) -> None:
    assert hw("show", "daily_revenue", "--json", at=shop).document["ranges"] == {}


def test_the_plan_groups_the_days_of_one_reason(hw, days) -> None:
    text = hw("plan", "--why", at=days()).out
    assert "2013-01-01..2013-01-10 (10)" in text


def test_a_plan_for_a_range_has_only_its_days(hw, days) -> None:
    answer = hw("plan", "staging/flights", "--partition", "2013-01-02..2013-01-04", "--json", at=days())
    assert [step["partition"] for step in answer.document["steps"]] == ["2013-01-02", "2013-01-03", "2013-01-04"]


def test_a_partition_that_does_not_exist_is_wrong_use(hw, days) -> None:
    assert hw("plan", "--partition", "2013-02-30", at=days()).status == 2


def test_plan_why_names_what_changed_and_what_it_reaches(hw, full_shop) -> None:
    module = full_shop / "assets.py"
    module.write_text(module.read_text().replace('"paid"', '"open"'))
    text = hw("plan", "--why", at=full_shop).out
    assert "code of staging/orders changed" in text
    assert text.count("may change through staging/orders (") == 2


def test_materialize_runs_what_failed_once_it_is_mended(hw, days) -> None:
    first = hw("materialize", "--json", at=days(bad=("2013-01-03",)))
    assert (first.status, first.document["counts"]) == (1, {"succeeded": 9, "failed": 1, "upstream_failed": 1})
    second = hw("materialize", "--json", at=days())
    assert (second.status, second.document["ok"]) == (0, True)


def test_a_blocking_check_shows_in_status_and_text(hw, days) -> None:
    answer = hw("materialize", at=days(least=2))
    assert answer.status == 1
    assert "blocked  marts/delays" in answer.out
    assert "row_count(minimum=2)" in answer.out


def test_quiet_says_nothing_when_all_went_well(hw, shop) -> None:
    answer = hw("materialize", "-q", at=shop)
    assert (answer.status, answer.out, answer.err) == (0, "", "")


def test_quiet_says_what_failed(hw, days) -> None:
    answer = hw("materialize", "-q", at=days(bad=("2013-01-03",)))
    assert (answer.status, answer.err) == (1, "")
    assert "ValueError: no such day" in answer.out


def test_dry_run_records_nothing(hw, shop) -> None:
    assert hw("materialize", "--dry-run", at=shop).status == 0
    assert hw("runs", "--json", at=shop).document["runs"] == []


def test_the_words_of_the_command_are_kept_with_the_run(hw, shop) -> None:
    hw("materialize", "+marts/customers", "--workers", 1, at=shop)
    run = hw("runs", "--json", at=shop).document["runs"][0]
    assert run["command"].endswith("materialize +marts/customers --workers 1")
    assert run["selection"] == "+marts/customers"


def test_progress_none_keeps_standard_error_empty(hw, shop) -> None:
    assert hw("materialize", "--progress", "none", at=shop).err == ""


def test_preview_records_nothing(hw, full_shop) -> None:
    before = hw("audit", "log", "--json", at=full_shop).out
    module = full_shop / "assets.py"
    module.write_text(module.read_text().replace('"paid"', '"open"'))
    assert hw("preview", "staging/orders", "--json", at=full_shop).document["rows"] == [
        [6, "2026-01-02", "grace", 60.0]
    ]
    assert hw("audit", "log", "--json", at=full_shop).out == before


def test_data_takes_a_query(hw, full_shop) -> None:
    answer = hw("data", "staging/orders", "--sql", "select count(*) as n from data", "--json", at=full_shop)
    assert answer.document["rows"] == [[9]]


def test_data_shows_dates_that_python_does_not_know(hw, full_shop) -> None:
    sql = "select date 'infinity' as d, timestamp '20000-01-01' as t from data limit 1"
    answer = hw("data", "staging/orders", "--sql", sql, "--json", at=full_shop)
    assert answer.document["rows"] == [["2147483647 days from 1970", "+20000-01-01 00:00:00.000000"]]
    assert "2147483647 days from 1970" in hw("data", "staging/orders", "--sql", sql, at=full_shop).out


def test_data_of_one_partition(hw, days) -> None:
    folder = days()
    hw("materialize", "-q", at=folder)
    answer = hw("data", "staging/flights@2013-01-02", "--json", at=folder)
    assert {row[1] for row in answer.document["rows"]} == {"2013-01-02"}


def test_data_as_it_was_before(hw, full_shop) -> None:
    run = hw("runs", "--json", at=full_shop).document["runs"][0]["run"]
    module = full_shop / "assets.py"
    module.write_text(module.read_text().replace('"paid"', '"open"'))
    hw("materialize", "-q", at=full_shop)
    count = "select count(*) as n from data"
    now = hw("data", "staging/orders", "--sql", count, "--json", at=full_shop)
    then = hw("data", "staging/orders", "--sql", count, "--as-of", f"run:{run}", "--json", at=full_shop)
    assert (now.document["rows"], then.document["rows"]) == ([[1]], [[9]])


def test_data_that_was_never_made_is_wrong_use_with_a_hint(hw, shop) -> None:
    answer = hw("data", "staging/orders", at=shop)
    assert answer.status == 2
    assert "headwater materialize +staging/orders" in answer.err


def test_check_fails_if_a_blocking_check_does(hw, full_shop) -> None:
    module = full_shop / "assets.py"
    module.write_text(module.read_text().replace('severity="warn"', 'severity="blocking"'))
    assert hw("check", "staging/orders", at=full_shop).status == 1


def test_lineage_leads_down_to_the_columns_of_the_file(hw, full_shop) -> None:
    lines = hw("lineage", "marts/customers:spent", at=full_shop).out.splitlines()
    assert lines[:4] == [
        "marts/customers:spent",
        "├─ staging/orders:amount    AGGREGATION",
        "│  ├─ raw/orders:amount     IDENTITY        source",
        "│  └┄ raw/orders:status     FILTER          source",
    ]


def test_lineage_before_anything_ran_is_that_of_the_code(hw, shop) -> None:
    before = hw("lineage", "marts/customers:spent", "--json", at=shop).document["edges"]
    hw("materialize", "-q", at=shop)
    after = hw("lineage", "marts/customers:spent", "--json", at=shop).document["edges"]
    assert sorted(map(json.dumps, before)) == sorted(map(json.dumps, after))


def test_lineage_stops_at_its_depth(hw, full_shop) -> None:
    edges = hw("lineage", "marts/customers:spent", "--depth", 1, "--json", at=full_shop).document["edges"]
    assert {edge["target"]["asset"] for edge in edges} == {"marts/customers"}


def test_lineage_of_a_column_that_does_not_exist_names_the_nearest(hw, full_shop) -> None:
    answer = hw("lineage", "marts/customers:spend", at=full_shop)
    assert (answer.status, "did you mean 'spent'?" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("form", "begins"),
    [("mermaid", "flowchart LR"), ("dot", "digraph lineage {"), ("json", "{"), ("openlineage", '{\n  "outputs"')],
)
def test_lineage_has_several_forms(hw, full_shop, form: str, begins: str) -> None:
    assert hw("lineage", "marts/customers", "--format", form, at=full_shop).out.startswith(begins)


def test_openlineage_has_an_asset_once_though_its_slots_were_made_by_different_code(hw, days) -> None:
    code = days() / "flights.py"
    hw("materialize", at=code.parent)
    code.write_text(code.read_text().replace("return raw\n", 'return raw.with_columns(pl.col("id").alias("delay"))\n'))
    hw("materialize", "staging/flights", "--partition", "2013-01-01", at=code.parent)
    made = hw("lineage", "staging/flights:delay", "--format", "openlineage", "--json", at=code.parent)
    (output,) = made.document["outputs"]
    (inputs,) = (field["inputFields"] for field in output["facets"]["columnLineage"]["fields"].values())
    assert [one["field"] for one in inputs if one["transformations"][0]["subtype"] == "IDENTITY"] == ["delay", "id"]


def test_lineage_of_sql_needs_no_project(hw, tmp_path) -> None:
    (tmp_path / "q.sql").write_text("create table m as select * from t where b > 0")
    (tmp_path / "s.json").write_text('{"t": {"a": "int", "b": "int"}}')
    answer = hw("lineage", "--sql", tmp_path / "q.sql", "--schema", tmp_path / "s.json", "--dialect", "postgres")
    assert answer.status == 0
    assert answer.out.splitlines()[:3] == ["m:a", "├─ t:a  IDENTITY", "└┄ t:b  FILTER"]


def test_lineage_of_sql_from_standard_input(hw, monkeypatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("select a from t"))
    assert hw("lineage", "--sql", "-").out == "a\n└─ t:a  IDENTITY\n"


@pytest.mark.parametrize(
    "words", [[], ["marts/x", "--sql", "q.sql"], ["--sql", "q.sql", "--down"], ["x", "--dialect", "duckdb"]]
)
def test_lineage_wants_an_asset_or_a_file(hw, words: list[str]) -> None:
    assert hw("lineage", *words).status == 2


def test_lineage_of_a_file_that_is_not_there_is_wrong_use(hw, tmp_path) -> None:
    answer = hw("lineage", "--sql", tmp_path / "q.sql")
    assert (answer.status, "HW621" in answer.err) == (2, True)


def test_lineage_of_text_that_is_no_sql_shows_where(hw, tmp_path) -> None:
    (tmp_path / "q.sql").write_text("select from where")
    answer = hw("lineage", "--sql", tmp_path / "q.sql")
    assert (answer.status, "HW210" in answer.err) == (2, True)


def test_runs_show_names_who_asked(hw, shop, monkeypatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "nightly")
    run = hw("materialize", "--json", at=shop).document["run"]
    assert "nightly" in hw("runs", "show", run, at=shop).out


def test_runs_logs_of_one_slot(hw, days) -> None:
    folder = days()
    run = hw("materialize", "--json", at=folder).document["run"]
    answer = hw("runs", "logs", run, "staging/flights@2013-01-02", at=folder)
    assert answer.out.splitlines() == ["staging/flights@2013-01-02  succeeded", "  working on 2013-01-02"]


def test_runs_logs_show_the_traceback_of_what_failed(hw, days) -> None:
    folder = days(bad=("2013-01-03",))
    run = hw("materialize", "--json", at=folder).document["run"]
    text = hw("runs", "logs", run, "--failed", at=folder).out
    assert "ValueError: no such day" in text
    assert "2013-01-02" not in text


def test_runs_logs_of_a_slot_that_the_run_did_not_make_is_wrong_use(hw, days) -> None:
    folder = days()
    run = hw("materialize", "staging/flights", "--json", at=folder).document["run"]
    answer = hw("runs", "logs", run, "staging/flights@2013-01-0", at=folder)
    assert (answer.status, answer.out) == (2, "")
    assert f"HW680 run {run[:13]} has no step staging/flights@2013-01-0\n" in answer.err
    assert "did you mean 'staging/flights@2013-01-" in answer.err
    assert "runs show" in hw("runs", "logs", run, "marts/delays", at=folder).err


def test_a_run_that_does_not_exist_is_wrong_use(hw, full_shop) -> None:
    assert hw("runs", "show", "nope", at=full_shop).status == 2


def test_verify_finds_data_that_was_changed_by_hand(hw, full_shop) -> None:
    stored = sorted((full_shop / ".headwater" / "data").glob("*~*/*.parquet"))
    stored[0].unlink()
    shutil.copy(stored[1], stored[0])
    answer = hw("audit", "verify", at=full_shop)
    assert answer.status == 1
    assert "1 finding" in answer.out


def test_verify_proves_the_end_of_the_log_against_a_noted_head(hw, full_shop) -> None:
    said = hw("audit", "verify", at=full_shop).out
    (head,) = re.findall(r"head of the log: (\d+ [0-9a-f]{64})", said)
    assert hw("materialize", "--force", at=full_shop).status == 0
    answer = hw("audit", "verify", "--head", head, at=full_shop)
    assert answer.status == 0
    assert "passes through the head that was noted" in answer.out


def test_verify_finds_that_the_log_does_not_pass_through_a_noted_head(hw, full_shop) -> None:
    number = hw("audit", "verify", "--json", at=full_shop).document["head"]["sequence"]
    for noted, code in ((number, "HW450"), (number + 1, "HW451")):
        answer = hw("audit", "verify", "--head", f"{noted} {'0' * 64}", at=full_shop)
        assert answer.status == 1
        assert code in answer.out


@pytest.mark.parametrize("note", ["12", "12 abc", f"x {'0' * 64}", f"-1 {'0' * 64}", f"1 {'0' * 65}"])
def test_a_note_that_is_no_head_of_a_log_is_wrong_use(hw, full_shop, note: str) -> None:
    answer = hw("audit", "verify", f"--head={note}", at=full_shop)
    assert answer.status == 2
    assert "HW679" in answer.err


def test_the_manifest_says_which_columns_of_which_version_were_read(hw, full_shop) -> None:
    text = hw("audit", "manifest", "marts/daily_revenue", at=full_shop).out
    assert "staging/orders" in text
    assert "AGGREGATION staging/orders:amount" in text


def test_the_manifest_shows_the_code_with_v(hw, full_shop) -> None:
    assert "sum(amount) as revenue" not in hw("audit", "manifest", "marts/daily_revenue", at=full_shop).out
    assert "sum(amount)" in hw("audit", "manifest", "marts/daily_revenue", "-v", at=full_shop).out


def test_the_manifest_of_a_partitioned_asset_wants_one_slot(hw, days) -> None:
    folder = days()
    hw("materialize", "-q", at=folder)
    answer = hw("audit", "manifest", "staging/flights", at=folder)
    assert (answer.status, "staging/flights@" in answer.err) == (2, True)


def complete(typed: str, at: Path) -> list[str]:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1), "_HEADWATER_COMPLETE": "bash_complete"}
    said = subprocess.run(
        [sys.executable, "-c", "import sys; from headwater.cli import main; sys.exit(main())"],
        cwd=at, env={**os.environ, "PYTHONPATH": str(ROOT), **words}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [line.removeprefix("plain,") for line in said.stdout.split()]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("headwater mat", ["materialize"]),
        ("headwater audit ma", ["manifest"]),
        ("headwater materialize --dry", ["--dry-run"]),
        ("headwater show mar", ["marts/customers", "marts/daily_revenue"]),
        ("headwater plan +staging", ["+staging/orders"]),
    ],
)
def test_the_shell_completes_commands_options_and_assets(shop, typed: str, offered: list[str]) -> None:
    assert complete(typed, shop) == offered


def test_completion_outside_a_project_offers_no_asset(tmp_path) -> None:
    assert complete("headwater show x", tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_that_of_the_shell(hw, shell: str) -> None:
    assert "_HEADWATER_COMPLETE" in hw("completion", shell).out


@pytest.mark.parametrize("words", [(), ("-v",), ("--json",)])
def test_preview_tells_what_the_code_raised_without_secrets(hw, shop, words) -> None:
    with (shop / "headwater.toml").open("a") as settings:
        settings.write('[resources.door]\ntoken = "${HW_TEST_DOOR:-no}"\n')
    with (shop / "assets.py").open("a") as code:
        code.write(
            "from headwater import Resource\nclass Door(Resource):\n    token: str\n"
            "@asset\ndef locked(door: Door) -> pl.DataFrame:\n"
            "    print('knocks with', door.token)\n    raise ValueError(f'\\x1b[31m {door.token} does not open')\n"
        )
    (shop / ".env").write_text("HW_TEST_DOOR=open-sesame\n")

    answer = hw("preview", "locked", *words, at=shop)

    assert answer.status == 1
    assert "open-sesame" not in answer.out + answer.err
    assert "HW501 the code of locked raised ValueError" in answer.err
    assert "knocks with ****" in answer.err
    assert "**** does not open" in answer.err
    assert "\x1b" not in answer.err


@pytest.mark.parametrize("day", ["2024-02-01", "20240201", "2024-W05-4", "2024W054"])
def test_a_date_means_its_end_however_it_is_written(hw, full_shop, day: str) -> None:
    assert hw("status", "--as-of", day, "--json", at=full_shop).document["as_of"] == "2024-02-02T00:00:00+00:00"


def test_no_run_is_no_moment(hw, full_shop) -> None:
    answer = hw("status", "--as-of", "run:", at=full_shop)
    assert (answer.status, answer.out) == (2, "")
    assert "HW616 'run:' is no moment" in answer.err


@pytest.mark.parametrize("moment", ["9999-12-31", "9999-12-31T23:00-05:00", "0001-01-01T00:00+05:00"])
def test_a_moment_beyond_the_calendar_is_no_moment(hw, full_shop, moment) -> None:
    answer = hw("status", "--as-of", moment, at=full_shop)
    assert answer.status == 2
    assert "HW616" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "--limit"),
        ("audit", "log", "--limit"),
        ("data", "marts/customers", "--head"),
        ("preview", "marts/customers", "--head"),
        ("lineage", "marts/customers", "--depth"),
    ],
)
def test_more_than_there_can_be_is_all_there_is(hw, full_shop, words) -> None:
    assert hw(*words, "9" * 30, at=full_shop).out == hw(*words, "1000", at=full_shop).out != ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("materialize --why", "--why goes with --dry-run"),
        ("materialize --dry-run --executor theads", "HW652 'theads' is no kind of executor"),
        ("backfill --dry-run --executor theads", "HW652 'theads' is no kind of executor"),
        ("status --as-of 2024-01-01 --set marts/customers:a=1", "--set changes states, and --as-of tells none"),
        ("runs --limit 1 list", "--limit goes with no command or behind list"),
        ("preview marts/customers@2024-01-01", "has no partitions, so none is called '2024-01-01'"),
        ("lineage marts/customers --up --down", "is given beside its opposite"),
        ("lineage marts/customers:", "names no column behind the colon"),
        ("lineage marts/customers --partition 2024-01 --direct", "--direct is about columns, --partition about slots"),
        ("lineage --sql q.sql --partition 2024-01", "need an asset"),
        ("diff marts/customers --select staging/orders", "--select goes with two environments or two moments"),
        ("diff marts/customers --from 2024-01-01 --select staging/orders", "--select goes with two moments of all"),
        ("diff --from 2024-01-02 --to 2024-01-01", "2024-01-01 is before 2024-01-02"),
    ],
)
def test_what_would_not_count_is_refused(hw, full_shop, words: str, told: str) -> None:
    answer = hw(*words.split(), at=full_shop)
    assert (answer.status, answer.out) == (2, "")
    assert told in answer.err


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_a_name_that_would_break_the_new_files_is_refused(hw, tmp_path, name) -> None:
    answer = hw("init", tmp_path / "new", "--name", name)
    assert answer.status == 2
    assert "HW622" in answer.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [(), ("--down",), ("--format", "openlineage")])
def test_lineage_of_a_moment_before_anything_was_published_is_not_said_to_be_none(hw, full_shop, words) -> None:
    answer = hw("lineage", "marts/customers", "--as-of", "1999-01-01", *words, at=full_shop)
    assert (answer.status, answer.out) == (2, "")
    assert "HW615 marts/customers was not published in dev as of 1999-01-01" in answer.err
    assert hw("lineage", "raw/orders:id", "--down", "--as-of", "1999-01-01", at=full_shop).status == 0


@pytest.mark.parametrize("words", ["status", "env ls", "--env feature status", "materialize"])
def test_a_catalog_whose_path_no_file_can_have_cannot_be_opened(hw, shop, words) -> None:
    with open(shop / "headwater.toml", "a") as settings:
        settings.write(f'\n[catalog]\npath = "{300 * "x"}/catalog.db"\n')
    answer = hw(*words.split(), at=shop)
    assert (answer.status, answer.err.splitlines()[0]) == (1, "HW410 the catalog cannot be opened")
    assert "File name too long" in answer.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("staging/flights@2013-01-0", "HW610 no partition '2013-01-0'"),
        ("staging/flights@2013-01-0 --from 2013-01-01", "HW610 no partition '2013-01-0'"),
        ("staging/flights@2013-01-0 staging/flights@2013-01-02", "HW610 no partition '2013-01-0'"),
        ("marts/delays@x --from 2013-01-01", "has no partitions, so none is called 'x'"),
        ("staging/flights marts/delays", "HW614 staging/flights is partitioned"),
    ],
)
def test_a_diff_of_a_slot_that_is_none_says_so(hw, days, words: str, told: str) -> None:
    folder = days()
    hw("materialize", at=folder)
    answer = hw("diff", *words.split(), at=folder)
    assert (answer.status, answer.out) == (2, "")
    assert told in answer.err


@pytest.mark.parametrize("words", [("show",), ("lineage",), ("audit", "log", "--asset")])
def test_a_slot_where_an_asset_is_meant_names_the_asset(hw, full_shop, words: tuple[str, ...]) -> None:
    answer = hw(*words, "customers@2024-01-01", at=full_shop)
    assert answer.status == 2
    assert "did you mean 'marts/customers'?" in answer.err


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "[]", "x"], ids=["deep", "long", "a list", "no JSON"])
def test_a_schema_that_cannot_be_read_is_refused(hw, tmp_path, text: str) -> None:
    (tmp_path / "q.sql").write_text("select a from t")
    (tmp_path / "schema.json").write_text(text)
    answer = hw("lineage", "--sql", tmp_path / "q.sql", "--schema", tmp_path / "schema.json")
    assert (answer.status, answer.out) == (2, "")
    assert "HW621" in answer.err


def test_a_digit_that_is_no_number_is_no_batch(hw, full_shop) -> None:
    answer = hw("backfill", "--batch", "²", "--dry-run", at=full_shop)
    assert answer.status == 2
    assert "HW651" in answer.err
