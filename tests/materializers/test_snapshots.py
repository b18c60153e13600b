"""Partitioned sources: observed slot by slot, and kept as they were observed."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets_core.asset import Source
from assets_core.declare import source
from assets_core.errors import DataError
from assets_core.keys import Slot
from assets_core.partitions import Daily, Static
from assets_core.records import Materialization
from assets_core.versions import as_read
from materializers.files import MemoryDigests
from materializers.snapshots import snapshot_storage
from materializers.sources import Observation, confirm, observe, scan_source

DAYS = Daily("2013-01-01", "2013-01-06")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Place:
    """A project folder with a source by day, and what was observed last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests = MemoryDigests()
        self.previous: dict[Slot, Materialization] = {}
        self.source = source("raw/f", files="f*.csv", partitions=DAYS, partition_by="day", try_parse_dates=True)

    def rows(self, *rows: tuple[str, int], name: str = "f.csv") -> None:
        (self.root / name).write_text("day,n\n" + "".join(f"{day},{n}\n" for day, n in rows))

    def observe(self, declared: Source | None = None, now: datetime = NOW) -> Observation:
        seen = observe(
            declared or self.source,
            root=self.root,
            cache=self.root / "cache",
            digests=self.digests,
            previous=self.previous,
            now=now,
            run_id="run",
        )
        self.previous = {one.slot: one for one in seen.materializations}
        return seen

    def read(self, *partitions: str) -> list[int]:
        observed = [self.previous[Slot("raw/f", partition)] for partition in partitions]
        return scan_source(self.source, observed, root=self.root, cache=self.root / "cache").collect()["n"].to_list()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.rows(("2013-01-02", 3), ("2013-01-01", 1), ("2013-01-02", 2), ("2013-01-04", 4))
    return made


def partitions(seen: Observation) -> list[str | None]:
    return [one.slot.partition for one in seen.materializations]


def test_every_slot_up_to_the_last_with_rows_is_observed(place: Place) -> None:
    seen = place.observe()
    assert partitions(seen) == ["2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04"]
    assert [one.version.rows for one in seen.materializations] == [1, 2, 0, 1]


def test_a_slot_has_its_rows_in_the_order_of_the_file(place: Place) -> None:
    place.observe()
    assert place.read("2013-01-02") == [3, 2]
    assert place.read("2013-01-04", "2013-01-03", "2013-01-02") == [4, 3, 2]


def test_what_was_observed_is_read_though_the_file_changes(place: Place) -> None:
    seen = place.observe()
    place.rows(("2013-01-02", 99))
    assert place.read("2013-01-02") == [3, 2]
    confirm(place.source, seen.materializations, root=place.root, digests=place.digests, aside={})


def test_only_slots_whose_rows_changed_get_a_new_record(place: Place) -> None:
    before = place.observe().materializations
    place.rows(("2013-01-01", 1), ("2013-01-02", 2), ("2013-01-02", 3), ("2013-01-04", 5))
    after = place.observe().materializations
    assert [new is old for new, old in zip(after, before, strict=True)] == [True, True, True, False]


def test_nothing_is_read_again_when_no_file_changed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.observe()
    monkeypatch.setattr("materializers.reading.scan", lambda *_: pytest.fail("read again"))
    assert place.observe() == before


def test_changed_bytes_with_equal_rows_are_looked_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.observe()
    (place.root / "f.csv").write_text((place.root / "f.csv").read_text().replace("\n", "\r\n"))
    assert place.observe().materializations == before.materializations
    monkeypatch.setattr("materializers.reading.scan", lambda *_: pytest.fail("read again"))
    place.observe()


def test_data_that_arrives_later_is_a_further_slot(place: Place) -> None:
    place.observe()
    place.rows(("2013-01-05", 5), name="f2.csv")
    assert partitions(place.observe())[-1] == "2013-01-05"
    assert place.read("2013-01-05") == [5]


@pytest.mark.parametrize("name", ["a.csv", "z.csv"])
def test_times_with_offsets_leave_the_slots_of_those_without_as_they_are(place: Place, name: str) -> None:
    texts = source("raw/f", files="*.csv", partitions=DAYS, partition_by="day")
    place.rows(("2013-01-01T10:00:00", 1), ("2013-01-02T10:00:00", 2))
    before = place.observe(texts).materializations
    place.rows(("2013-01-03T10:00:00Z", 3), name=name)
    after = place.observe(texts)
    assert after.materializations[:2] == before
    assert partitions(after)[2:] == ["2013-01-03"]
    assert after.warnings == ()


def test_texts_that_are_no_dates_are_told_from_rows_of_other_days(place: Place) -> None:
    texts = source("raw/f", files="f.csv", partitions=DAYS, partition_by="day")
    place.rows(("2013-01-01", 1), ("soon", 2), ("", 3), ("later", 4), ("2020-01-01", 5))
    assert place.observe(texts).warnings == (
        "raw/f: 1 row without a value of 'day' belong to no partition",
        "raw/f: 2 rows of no partition, because 'day' is no date or time there, but 'soon'",
        "raw/f: 1 row lies in no partition that there is now; 'day' is 2020-01-01 to 2020-01-01 in them",
    )


def test_a_slot_that_lost_its_rows_is_observed_as_empty(place: Place) -> None:
    place.observe()
    place.rows(("2013-01-01", 1))
    seen = place.observe()
    assert [one.version.rows for one in seen.materializations] == [1, 0, 0, 0]


def test_rows_of_no_slot_are_counted_and_reported(place: Place) -> None:
    place.rows(("", 1), ("2012-12-31", 2), ("2013-02-01", 3), ("2013-01-01", 4))
    seen = place.observe()
    assert len(seen.warnings) == 2
    assert "1 row without a value of 'day'" in seen.warnings[0]
    assert "2 rows" in seen.warnings[1]
    assert "2012-12-31 to 2013-02-01" in seen.warnings[1]
    assert place.observe().warnings == seen.warnings


def test_a_growing_definition_gets_the_day_when_it_has_ended(place: Place) -> None:
    place.source = source(
        "raw/f", files="f*.csv", partitions=Daily("2013-01-01"), partition_by="day", try_parse_dates=True
    )
    seen = place.observe(now=datetime(2013, 1, 4, 12, tzinfo=UTC))
    assert partitions(seen) == ["2013-01-01", "2013-01-02"]
    assert len(seen.warnings) == 1
    seen = place.observe(now=datetime(2013, 1, 5, 0, tzinfo=UTC))
    assert partitions(seen)[-1] == "2013-01-04"
    assert seen.warnings == ()


def test_every_static_partition_is_observed(place: Place) -> None:
    (place.root / "s.csv").write_text("region,n\nEU,1\nUS,2\nEU,3\n")
    declared = source("raw/s", files="s.csv", partitions=Static(["EU", "ASIA", "US"]), partition_by="region")
    seen = place.observe(declared)
    assert partitions(seen) == ["EU", "ASIA", "US"]
    assert [one.version.rows for one in seen.materializations] == [2, 0, 1]


def test_equal_rows_have_equal_versions_whatever_the_files_are_called(tmp_path: Path) -> None:
    versions = []
    for name in ("f.csv", "fx.csv"):
        place = Place(tmp_path / name)
        place.root.mkdir()
        place.rows(("2013-01-01", 1), name=name)
        versions.append(as_read(place.observe().materializations[0].version, ("day", "n")))
    assert versions[0] == versions[1] is not None


def test_a_lost_snapshot_is_made_again_without_a_new_version(place: Place) -> None:
    before = place.observe().materializations
    shutil.rmtree(place.root / "cache")
    after = place.observe().materializations
    assert [one.version for one in after] == [one.version for one in before]
    assert place.read("2013-01-02") == [3, 2]


def test_a_snapshot_is_evidence(place: Place) -> None:
    stored = place.observe().materializations[0].stored
    assert stored is not None
    storage = snapshot_storage(place.root / "cache")
    assert storage.present([stored]) == [True]
    assert storage.digest(stored) == stored.digest


def test_a_broken_file_changes_nothing(place: Place) -> None:
    before = place.observe().materializations
    (place.root / "f.csv").write_text("day,n\n2013-01-01,1\n2013-01-02\n")
    with pytest.raises(DataError, match="HW314"):
        place.observe()
    known = {one.stored.location for one in before if one.stored is not None}
    assert snapshot_storage(place.root / "cache").unreferenced(known) == []


def test_a_missing_partition_column_is_named(place: Place) -> None:
    declared = source("raw/f", files="f.csv", partitions=DAYS, partition_by="dya")
    with pytest.raises(DataError, match="'dya'") as raised:
        place.observe(declared)
    assert raised.value.code == "HW317"
    assert raised.value.hint == "did you mean 'day'?"


def test_a_file_without_rows_of_any_slot_observes_nothing(place: Place) -> None:
    place.rows()
    declared = source(
        "raw/f", files="f.csv", partitions=DAYS, partition_by="day", schema={"day": pl.Date, "n": pl.Int64}
    )
    assert partitions(place.observe(declared)) == []


def test_dates_survive_in_the_snapshot(place: Place) -> None:
    place.observe()
    observed = [place.previous[Slot("raw/f", "2013-01-01")]]
    frame = scan_source(place.source, observed, root=place.root, cache=place.root / "cache").collect()
    assert frame.to_dicts() == [{"day": date(2013, 1, 1), "n": 1}]
