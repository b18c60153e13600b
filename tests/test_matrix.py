"""Which releases of polars the matrix takes, and with what beside them."""

from pathlib import Path

from packaging.specifiers import SpecifierSet

from tests.matrix import ROOT, SHARE, admitted, ends, without_polars


def test_the_ends_are_the_oldest_and_the_newest_release_that_is_admitted() -> None:
    released = ["2.10.0", "2.2.0", "2.1.0", "2.0.0", "1.44.2", "3.0.0"]
    assert ends(released, SpecifierSet(">=2.0,<3")) == ["2.0.0", "2.10.0"]
    assert ends(released, SpecifierSet(">=2.1,<2.2")) == ["2.1.0"]
    assert ends(released, SpecifierSet(">=4")) == []


def test_what_is_admitted_is_read_from_pyproject() -> None:
    assert "2.0.0" in admitted((ROOT / "pyproject.toml").read_text())
    assert "1.44.2" not in admitted((ROOT / "pyproject.toml").read_text())


def test_all_but_polars_is_as_the_lock_file_says() -> None:
    pins = without_polars((ROOT / "requirements.lock").read_text())
    assert "pyarrow==" in pins
    assert "polars" not in pins
    assert "--hash" not in pins


def test_every_pattern_of_the_share_finds_tests() -> None:
    assert all(list(Path(ROOT).glob(pattern)) for pattern in SHARE)
