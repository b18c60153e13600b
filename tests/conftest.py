"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.child import end_all
from tests.desk import Desk

# A deadline would measure how busy the machine is, not what the code does.
settings.register_profile("headwater", deadline=None)
settings.load_profile("headwater")


@pytest.fixture(autouse=True)
def _no_child_outlives_its_test() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A project folder to write files into."""
    made = Desk(tmp_path)
    yield made
    made.close()
