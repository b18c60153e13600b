"""What a hurried, a careless or an unlucky person does: a clear error with a stable code, and nothing lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets_core.errors import HeadwaterError, ProjectError
from headwater import Project
from tests.desk import Desk

TWO = """
@asset(key="a")
def a() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2], "v": [1.0, 2.0]})

@asset(key="b")
def b(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.select("id", w=pl.col("v") * 2)
"""


def refused(desk: Desk) -> HeadwaterError:
    """The error that loading the project ends with."""
    with pytest.raises(HeadwaterError) as caught:
        desk.project  # noqa: B018 -- loading is what fails
    return caught.value


def test_a_cycle_is_named_with_all_its_assets(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a(c: pl.LazyFrame) -> pl.LazyFrame: return c
        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame: return a
        @asset(key="c")
        def c(b: pl.LazyFrame) -> pl.LazyFrame: return b
        """
    )
    error = refused(desk)
    assert error.code == "HW133"
    assert any(path in error.what for path in ("a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"))


def test_an_unknown_input_is_named_with_the_nearest_name_and_its_place(desk: Desk) -> None:
    desk.define(TWO.replace("def b(a:", "def b(aa:").replace("return a.", "return aa."))
    error = refused(desk)
    assert (error.code, error.hint) == ("HW131", "did you mean 'a'?")
    assert error.where.startswith("definitions.py:")


def test_two_assets_of_one_key_are_named_with_both_places(desk: Desk) -> None:
    desk.define(TWO.replace('@asset(key="b")', '@asset(key="a")'))
    error = refused(desk)
    assert error.code == "HW130"
    assert "definitions.py:" in error.where
    assert "definitions.py:" in error.why


def test_every_error_of_a_project_is_told_at_once(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a(x: pl.LazyFrame) -> pl.LazyFrame: return x
        @asset(key="b")
        def b(y: pl.LazyFrame) -> pl.LazyFrame: return y
        sql_asset("c", "select from where")
        """
    )
    error = refused(desk)
    assert isinstance(error, ProjectError)
    assert len(error.errors) == 3


def test_a_syntax_error_in_a_module_shows_the_line(desk: Desk) -> None:
    desk.define("def broken(:\n    pass\n")
    error = refused(desk)
    assert error.code == "HW143"
    assert error.where.startswith("definitions.py:")
    assert "def broken(:" in error.why


@pytest.mark.parametrize("made", ['Run(memory="lots")', 'Daily("2024-13-01")', "window(3, 1)", 'check.between("n")'])
def test_what_is_no_definition_is_refused_at_the_line_that_makes_it(desk: Desk, made: str) -> None:
    desk.define(f"x = {made}\n")
    assert refused(desk).where.startswith("definitions.py:")


def test_a_module_that_fails_to_import_shows_the_users_line(desk: Desk) -> None:
    desk.define("1 / 0\n")
    error = refused(desk)
    assert error.code == "HW145"
    assert error.where.startswith("definitions.py:")
    assert "ZeroDivisionError" in error.why


def test_sql_that_does_not_parse_shows_the_position(desk: Desk) -> None:
    desk.define(TWO)
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\nsql = ["sql"]\n')
    desk.write("sql/marts/x.sql", '/* headwater\ndescription = "x"\n*/\nselect id\nfrom a where (\n')
    error = refused(desk)
    assert error.code.startswith("HW2")
    assert "sql/marts/x.sql" in error.where
    assert "line 5" in f"{error.what} {error.where} {error.why}"


def test_a_missing_column_is_found_by_validate_before_anything_runs(desk: Desk) -> None:
    desk.write("rows.csv", "id,amount\n1,2\n")
    desk.define(
        """
        rows = source("raw/rows", files="rows.csv", schema={"id": pl.Int64, "amount": pl.Int64})

        @asset(key="a")
        def a(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.select("id", "amount")

        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.select(pl.col("amnt") + 1)

        sql_asset("c", "select amuont from a")
        """
    )
    errors = desk.project.validate().errors
    assert len(errors) == 2
    polars, sql = sorted(errors, key=lambda one: "amuont" in str(one))
    assert "amnt" in f"{polars.what} {polars.why}"
    assert "amount" in f"{polars.hint} {polars.why}"
    assert "amuont" in f"{sql.what} {sql.why}"
    assert not desk.project.runs()


def test_an_ambiguous_parameter_prints_the_line_to_paste(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="x/a")
        def one() -> pl.DataFrame: return pl.DataFrame({"id": [1]})
        @asset(key="y/a")
        def two() -> pl.DataFrame: return pl.DataFrame({"id": [1]})
        @asset(key="b")
        def b(a: pl.LazyFrame) -> pl.LazyFrame: return a
        """
    )
    error = refused(desk)
    assert error.code == "HW132"
    assert "inputs={'a': 'x/a'}" in error.hint


def test_an_unset_variable_is_named_when_the_storage_is_opened_and_not_before(desk: Desk) -> None:
    desk.define(TWO)
    desk.write(
        "headwater.toml",
        '[project]\nmodules = ["definitions"]\n[storage.default]\nkind = "parquet"\npath = "${HEADWATER_TEST_UNSET}"\n',
    )
    assert desk.project.validate().errors == ()
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize()
    assert caught.value.code == "HW607"
    assert "HEADWATER_TEST_UNSET" in caught.value.what


def test_a_module_that_hides_one_of_our_packages(desk: Desk) -> None:
    desk.define(TWO)
    desk.write("lineage.py", "x = 1\n")
    error = refused(desk)
    assert error.code == "HW140"
    assert "rename it" in error.hint


def test_a_broken_csv_row_names_file_and_line_and_publishes_nothing(desk: Desk) -> None:
    desk.write("rows.csv", "id,amount\n1,2\n2,three\n3,4\n")
    desk.define(
        """
        rows = source("raw/rows", files="rows.csv", schema={"id": pl.Int64, "amount": pl.Int64})

        @asset(key="a")
        def a(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.select("id", "amount")
        """
    )
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize()
    told = str(caught.value)
    assert caught.value.code.startswith("HW3")
    assert "rows.csv" in told
    assert "3" in caught.value.where or "line 3" in told
    assert desk.project.catalog.published("dev") == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False)
    if made.returncode:
        pytest.skip("mounting a small file system needs privileges that this machine does not give")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_data_published(desk: Desk, small_disk: Path) -> None:
    desk.define(
        """
        @asset(key="a")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": pl.int_range(10, eager=True)})
        """
    )
    desk.write(
        "headwater.toml",
        f'[project]\nmodules = ["definitions"]\n[storage.default]\nkind = "parquet"\npath = "{small_disk}"\n',
    )
    assert desk.materialize().ok
    desk.edit("definitions.py", "pl.int_range(10, eager=True)", "pl.Series(range(10**6)).hash()")
    result = desk.materialize()
    assert [str(one.state) for one in result.steps] == ["failed"]
    assert result.steps[0].error is not None
    assert result.steps[0].error.code.startswith("HW4")
    assert len(desk.rows("a")) == 10
    assert desk.project.verify().ok


def test_an_unwritable_folder_leaves_the_old_data_published(desk: Desk) -> None:
    desk.define(TWO)
    assert desk.materialize().ok
    desk.edit("definitions.py", "* 2", "* 3")
    data = desk.root / ".headwater" / "data"
    data.rename(desk.root / "kept")
    data.write_text("in the way", encoding="utf-8")
    result = desk.materialize("b")
    assert not result.ok
    data.unlink()
    (desk.root / "kept").rename(data)
    assert desk.rows("b") == [{"id": 1, "w": 2.0}, {"id": 2, "w": 4.0}]


def test_a_corrupt_catalog_is_said_and_never_made_anew(desk: Desk) -> None:
    desk.define(TWO)
    desk.materialize()
    desk.close()
    path = desk.root / ".headwater" / "catalog.db"
    for other in path.parent.glob("catalog.db-*"):
        other.unlink()
    damaged = b"this is no catalog" * 1000
    path.write_bytes(damaged)
    with pytest.raises(HeadwaterError) as caught:
        desk.materialize()
    assert caught.value.code.startswith("HW4")
    assert path.read_bytes() == damaged


def test_a_folder_without_headwater_toml_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError) as caught:
        Project.load(tmp_path)
    assert caught.value.code == "HW606"
    assert "headwater init" in caught.value.hint


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that this process works in is removed."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()


def test_a_working_folder_that_was_removed_is_said(nowhere: None) -> None:
    with pytest.raises(HeadwaterError, match="was removed") as caught:
        Project.load(".")
    assert caught.value.code == "HW606"


def test_what_code_reads_is_found_from_a_working_folder_that_was_removed(desk: Desk, nowhere: None) -> None:
    desk.write("rates.csv", "a\n1\n")
    desk.define(
        """
        from pathlib import Path
        @asset
        def rates() -> pl.DataFrame:
            return pl.read_csv(Path(__file__).parent / "rates.csv")
        """
    )
    desk.materialize()
    desk.write("rates.csv", "a\n2\n")
    assert len(desk.plan().steps) == 1


def test_a_misspelled_setting_is_told_with_the_nearest_name(desk: Desk) -> None:
    desk.define(TWO)
    desk.write("headwater.toml", '[project]\nmodule = ["definitions"]\n')
    error = refused(desk)
    assert (error.code, error.hint) == ("HW142", "did you mean 'modules'?")


def test_an_unknown_environment_is_refused_with_the_nearest_name(desk: Desk) -> None:
    desk.define(TWO)
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[env.prod]\nprotected = true\n')
    with pytest.raises(HeadwaterError) as caught:
        Project.load(desk.root, env="prd")
    assert (caught.value.code, caught.value.hint) == ("HW609", "did you mean 'prod'?")


def test_a_protected_environment_is_reached_only_by_name(desk: Desk) -> None:
    desk.define(TWO)
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[env.prod]\nprotected = true\n')
    os.environ["HEADWATER_ENV"] = "prod"
    try:
        error = refused(desk)
    finally:
        del os.environ["HEADWATER_ENV"]
    assert (error.code, error.exit_status) == ("HW702", 3)
    assert Project.load(desk.root, env="prod").protected


def test_a_result_that_is_no_table_fails_its_step_with_a_hint(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a")
        def a():
            return 3
        """
    )
    error = desk.materialize().steps[0].error
    assert error is not None
    assert error.code == "HW332"


def test_rows_outside_the_slots_partition_fail_the_step(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a", partitions=Daily("2024-01-01", "2024-01-03"), partition_by="day")
        def a() -> pl.DataFrame:
            return pl.DataFrame({"day": ["2024-01-01", "2024-01-02"]}).select(pl.col("day").str.to_date())
        """
    )
    result = desk.materialize()
    assert result.counts == {"failed": 2}
    assert all(one.error is not None and one.error.code == "HW336" for one in result.steps)


def test_a_unique_key_that_is_not_unique_fails_the_step_and_shows_rows(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a", unique_key=["id"])
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1, 1, 2]})
        """
    )
    error = desk.materialize().steps[0].error
    assert error is not None
    assert error.code == "HW335"
    assert "(1,)" in error.message


def test_secrets_reach_neither_logs_nor_errors(desk: Desk) -> None:
    desk.define(
        """
        from headwater import Resource
        class Api(Resource):
            token: str

        @asset(key="a")
        def a(api: Api) -> pl.DataFrame:
            print("using", api.token)
            raise ValueError(f"refused {api.token}")
        """
    )
    desk.write(
        "headwater.toml", '[project]\nmodules = ["definitions"]\n[resources.api]\ntoken = "${HEADWATER_TEST_TOKEN}"\n'
    )
    os.environ["HEADWATER_TEST_TOKEN"] = "hunter2-and-more"
    try:
        result = desk.materialize()
    finally:
        del os.environ["HEADWATER_TEST_TOKEN"]
    desk.close()
    assert "hunter2" not in str(result)
    kept = b"".join(path.read_bytes() for path in (desk.root / ".headwater").rglob("*") if path.is_file())
    assert b"hunter2" not in kept


def test_a_column_with_a_nul_in_its_name_is_refused(desk: Desk) -> None:
    desk.define(
        r"""
        @asset(ordered=True)
        def made() -> pl.DataFrame:
            return pl.DataFrame({"id": range(600), "\0position": range(600)})
        """
    )
    (error,) = [one.error for one in desk.materialize().steps if one.error is not None]
    assert (error.code, "holds a NUL" in error.message) == ("HW340", True)


@pytest.mark.parametrize(("name", "means"), [("#", "the order of its rows"), ("*", "the rows"), ("^v$", "a pattern")])
def test_columns_that_could_not_be_told_from_something_else_are_refused(desk: Desk, name: str, means: str) -> None:
    desk.write("raw.csv", f"id,{name}\n1,5\n")
    desk.define(
        f"""
        raw = source("raw", files="raw.csv")
        told = source("told", files="raw.csv", schema={{"id": pl.Int64}})

        @asset(key="x", inputs={{"raw": raw}})
        def x(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw

        @asset(key="y", inputs={{"told": told}})
        def y(told: pl.LazyFrame) -> pl.LazyFrame:
            return told

        @asset(key="made")
        def made() -> pl.DataFrame:
            return pl.DataFrame({{"id": [1], {name!r}: [5]}})
        """
    )
    result = desk.materialize()
    (error,) = [one.error for one in result.steps if one.error is not None]

    assert result.counts == {"succeeded": 1, "failed": 1}
    assert (error.code, f"made has a column called {name!r}" in error.message, means in error.message) == (
        "HW340", True, True
    )  # fmt: skip
    assert any(f"raw has a column called {name!r}" in one for one in result.warnings)
    assert desk.rows("y") == [{"id": 1}]
