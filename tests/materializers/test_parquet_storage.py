"""What is special to the Parquet storage: where files lie, what they hold, and the links of the published face."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import Stored
from materializers.storage.parquet import ParquetStorage

FRAME = pl.DataFrame({"n": [1, 2, 3]})


@pytest.fixture
def storage(tmp_path: Path) -> ParquetStorage:
    return ParquetStorage("main", tmp_path / "data")


def test_a_slot_has_a_file_in_the_folder_of_its_asset(storage: ParquetStorage) -> None:
    stored = storage.write(Slot("staging/flights", "2013-02-01"), "0190-id", FRAME)
    assert stored.location == "staging~flights/2013-02-01@0190-id.parquet"
    assert (storage.root / stored.location).is_file()


def test_an_unpartitioned_asset_has_its_files_in_its_folder(storage: ParquetStorage) -> None:
    assert storage.write(Slot("marts/kpi"), "id", FRAME).location == "marts~kpi/id.parquet"


def test_the_record_holds_size_and_sha256_of_the_file(storage: ParquetStorage) -> None:
    for id_, data in {"eager": FRAME, "lazy": FRAME.lazy()}.items():
        stored = storage.write(Slot("a"), id_, data)
        written = (storage.root / stored.location).read_bytes()
        assert (stored.bytes, stored.digest) == (len(written), hashlib.sha256(written).hexdigest())


def test_equal_frames_give_equal_bytes_at_any_time(storage: ParquetStorage) -> None:
    digests = {storage.write(Slot("a"), str(n), FRAME).digest for n in range(3)}
    assert len(digests) == 1


def test_a_flipped_bit_shows_in_the_digest(storage: ParquetStorage) -> None:
    stored = storage.write(Slot("a"), "id", FRAME)
    path = storage.root / stored.location
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert storage.present([stored]) == [True]
    assert storage.digest(stored) != stored.digest


def test_a_file_cut_short_is_not_present(storage: ParquetStorage) -> None:
    stored = storage.write(Slot("a"), "id", FRAME)
    path = storage.root / stored.location
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    assert storage.present([stored]) == [False]


def test_files_are_read_only(storage: ParquetStorage) -> None:
    stored = storage.write(Slot("a"), "id", FRAME)
    assert (storage.root / stored.location).stat().st_mode & 0o222 == 0


def test_the_face_shows_what_is_published_and_follows_it(storage: ParquetStorage) -> None:
    slot = Slot("staging/flights", "2013-02-01")
    first, second = storage.write(slot, "one", FRAME), storage.write(slot, "two", FRAME.head(1))
    face = storage.root / "_env" / "dev" / "staging" / "flights"
    storage.publish("dev", {slot: first})
    assert pl.read_parquet(face / "*.parquet").height == 3
    storage.publish("dev", {slot: second})
    assert [path.name for path in face.iterdir()] == ["2013-02-01.parquet"]
    assert pl.read_parquet(face / "2013-02-01.parquet").height == 1
    storage.publish("dev", {slot: None})
    assert list(face.iterdir()) == []


def test_environments_have_faces_of_their_own(storage: ParquetStorage) -> None:
    slot = Slot("kpi")
    storage.publish("dev", {slot: storage.write(slot, "one", FRAME)})
    storage.publish("feature/x", {slot: storage.write(slot, "two", FRAME.head(1))})
    storage.unpublish("dev")
    assert [path.name for path in (storage.root / "_env").iterdir()] == ["feature~x"]
    assert pl.read_parquet(storage.root / "_env" / "feature~x" / "kpi" / "data.parquet").height == 1


def test_a_face_that_somebody_else_removed_is_made_again(storage: ParquetStorage) -> None:
    slot = Slot("kpi")
    storage.publish("dev", {slot: storage.write(slot, "one", FRAME)})
    ParquetStorage("main", storage.root).unpublish("dev")
    storage.publish("dev", {slot: storage.write(slot, "two", FRAME)})
    assert (storage.root / "_env" / "dev" / "kpi" / "data.parquet").is_file()


def test_the_face_moves_with_the_folder(storage: ParquetStorage, tmp_path: Path) -> None:
    slot = Slot("kpi")
    storage.publish("dev", {slot: storage.write(slot, "one", FRAME)})
    storage.root.rename(tmp_path / "moved")
    assert pl.read_parquet(tmp_path / "moved" / "_env" / "dev" / "kpi" / "data.parquet").height == 3


def test_a_face_that_cannot_be_made_is_an_error_of_its_own(storage: ParquetStorage) -> None:
    slot = Slot("kpi")
    stored = storage.write(slot, "one", FRAME)
    (storage.root / "_env").write_text("in the way")
    with pytest.raises(StorageError, match="HW427"):
        storage.publish("dev", {slot: stored})


def test_what_a_crash_left_half_written_is_found(storage: ParquetStorage) -> None:
    known = storage.write(Slot("a", "p"), "one", FRAME)
    half = storage.root / "a" / "p@two.parquet"
    half.write_bytes(b"PAR1")
    assert storage.unreferenced([known.location]) == [Stored("main", "a/p@two.parquet", 4, "")]


def test_folders_that_deleting_empties_go_and_come_back(storage: ParquetStorage) -> None:
    slot = Slot("a", "p")
    storage.delete(storage.write(slot, "one", FRAME))
    assert list(storage.root.iterdir()) == []
    assert storage.present([storage.write(slot, "two", FRAME)]) == [True]


def test_a_folder_that_somebody_else_removed_is_made_again(storage: ParquetStorage) -> None:
    slot = Slot("a", "p")
    other = ParquetStorage("main", storage.root)
    other.delete(storage.write(slot, "one", FRAME))
    assert storage.present([storage.write(slot, "two", FRAME)]) == [True]


@pytest.mark.parametrize("location", ["../secret.parquet", "/etc/passwd", "a/../../b", "a\\..\\b", "a\0"])
def test_a_record_cannot_lead_outside(storage: ParquetStorage, location: str) -> None:
    with pytest.raises(StorageError, match="HW428"):
        storage.scan(Stored("main", location, 1, ""))


def test_settling_syncs_every_folder_up_to_the_root(storage: ParquetStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    opened: dict[int, str] = {}
    real_open, real_sync = os.open, os.fsync

    def spy_open(path: str, *args: int, **kwargs: int) -> int:
        descriptor = real_open(path, *args, **kwargs)
        opened[descriptor] = os.fspath(path)
        return descriptor

    def spy_sync(descriptor: int) -> None:
        synced.append(os.path.relpath(opened[descriptor], storage.root))
        real_sync(descriptor)

    monkeypatch.setattr(os, "open", spy_open)
    monkeypatch.setattr(os, "fsync", spy_sync)
    stored = [storage.write(Slot("a", part), f"id-{part}", FRAME) for part in ("p", "q")]
    assert synced == ["a/p@id-p.parquet", "a/q@id-q.parquet"]

    def settled(*stored: Stored) -> list[str]:
        synced.clear()
        storage.settle(stored)
        return sorted(synced)

    assert settled() == []
    assert settled(*stored) == [".", "..", "a"]
    assert settled(storage.write(Slot("a", "r"), "id-r", FRAME)) == ["a"]
    assert settled(storage.write(Slot("b"), "id", FRAME)) == [".", "b"]
    shutil.rmtree(storage.root)
    assert settled(storage.write(Slot("b"), "again", FRAME)) == [".", "..", "b"]


def test_relaxed_durability_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = ParquetStorage("main", tmp_path / "data", durable=False)
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("synced"))
    storage.settle([storage.write(Slot("a"), "id", FRAME)])


def test_a_large_frame_is_streamed_to_its_file(storage: ParquetStorage) -> None:
    frame = pl.DataFrame({"n": range(9_000_000)})
    stored = storage.write(Slot("a"), "id", frame)
    assert storage.digest(stored) == stored.digest
    assert storage.scan(stored).select(pl.col("n").sum()).collect().item() == sum(range(9_000_000))


def test_an_extension_type_comes_back_and_is_refused_within_another(storage: ParquetStorage) -> None:
    kind = pl.Extension("arrow.json", pl.String, "")
    frame = pl.DataFrame({"x": pl.Series(["{}", None]).ext.to(kind)})
    assert storage.scan(storage.write(Slot("a"), "one", frame)).collect().equals(frame)

    for nested in (pl.struct("x"), pl.col("x").implode()):
        with pytest.raises(StorageError, match="HW424"):
            storage.write(Slot("a"), "two", frame.select(nested.alias("x")))
    assert [one.location for one in storage.unreferenced([])] == ["a/one.parquet"]
