"""Disks that are full, read-only or broken, files that rot, and clocks that go back."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.faults.harness import Bench, expected


@pytest.mark.parametrize(
    ("what", "fail"),
    [
        ("no space left for the third data file", f"write:.parquet:{errno.ENOSPC}:3"),
        ("a disk that breaks under a data file", f"write:.parquet:{errno.EIO}:7"),
        ("data that cannot be synced", f"sync:.parquet:{errno.EIO}:2"),
        ("a folder that cannot be synced", f"sync:/data/l1:{errno.EIO}:1"),
        ("a folder that is read-only", f"create:/data/l2:{errno.EROFS}:1"),
        ("no right to write", f"create:/data/l0~a3:{errno.EACCES}:1"),
    ],
)
def test_a_storage_that_fails_costs_steps_and_nothing_else(
    bench: Bench, shim: dict[str, str], what: str, fail: str
) -> None:
    bench.start().ended()
    bench.change(2)
    child = bench.start(SHIM_FAIL=fail, **shim)
    told = bench.after(child)
    assert child.process.returncode == 1, f"{what}: {child.said}"
    assert 0 < len(told) < 50 or "l0" in fail or "sync" in fail
    bench.assert_sound(told)
    bench.assert_resumes()


@pytest.mark.parametrize(
    "fail",
    [
        f"write:catalog.db-wal:{errno.ENOSPC}:40",
        f"sync:catalog.db-wal:{errno.EIO}:3",
        f"write:catalog.db-wal:{errno.EIO}:200",
    ],
)
def test_a_catalog_that_cannot_be_written_ends_the_run_and_loses_nothing(
    bench: Bench, shim: dict[str, str], fail: str
) -> None:
    bench.start().ended()
    bench.change(2)
    child = bench.start(SHIM_FAIL=fail, **shim)
    told = bench.after(child)
    assert child.process.returncode == 1, child.said
    assert "HW4" in child.said
    bench.assert_sound(told)
    bench.assert_resumes()


def data_of(bench: Bench, key: str) -> Path:
    """The file of what an asset shows."""
    with bench.project() as project:
        (made,) = project.catalog.published(project.env, assets=[key]).values()
        assert made.stored is not None
        return bench.folder / ".headwater" / "data" / made.stored.location


def damage(path: Path, damaged: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(damaged)


def test_a_truncated_file_is_reported_and_made_again(bench: Bench) -> None:
    bench.start().ended()
    path = data_of(bench, "l2/a4")
    damage(path, path.read_bytes()[:-7])
    with bench.project() as project:
        assert len(project.verify().findings) == 1
        assert [str(step.slot) for step in project.plan("l2/a4").steps] == ["l2/a4"]
    bench.start().ended()
    assert bench.published() == expected(1)


def test_a_flipped_bit_is_found_by_audit_verify_and_named(bench: Bench) -> None:
    bench.start().ended()
    path = data_of(bench, "l2/a4")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damage(path, bytes(content))
    with bench.project() as project:
        (finding,) = project.verify().findings
    assert "l2/a4" in str(finding)


@pytest.mark.parametrize("asked", [40, 300])
def test_a_clock_that_is_set_back_in_the_middle_harms_nothing(bench: Bench, shim: dict[str, str], asked: int) -> None:
    bench.start().ended()
    bench.change(2)
    child = bench.start(SHIM_CLOCK_BACK=str(asked), **shim)
    told = bench.after(child)
    assert child.process.returncode == 0, child.said
    bench.assert_sound(told)
    assert bench.published() == expected(2)
    bench.change(3)
    bench.start().ended()
    assert bench.published() == expected(3)


def test_a_run_on_another_machine_that_fell_silent_is_given_up_and_its_claims_with_it(bench: Bench) -> None:
    from datetime import UTC, datetime, timedelta

    from assets_core.keys import Slot
    from assets_core.records import RunRecord, RunState
    from lineage.catalog.values import Want
    from materializers.ids import new_id

    run, now = new_id(), datetime.now(UTC)
    with bench.project() as project:
        elsewhere = {"host": "another", "pid": 1, "start": "1", "boot": "other"}
        project.catalog.begin_run(RunRecord(run, "dev", RunState.RUNNING, now, "ada", "", "", elsewhere))
        project.catalog.claim("dev", run, [Want(0, (Slot("l0/a0"),))], (), 0)
        project.catalog.beat(run, now - timedelta(minutes=3))
    document = bench.start().document()
    assert document["counts"] == {"succeeded": 50}
    assert "was cut off" in str(document["warnings"])
    bench.assert_sound()
