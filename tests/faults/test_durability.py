"""What survives a power failure: shown by the calls that reach the system, in their order."""

from __future__ import annotations

from pathlib import Path

from tests.faults.harness import Bench, expected


def calls(log: Path) -> list[tuple[str, str]]:
    """Call and path, in order."""
    return [tuple(line.split(" ", 1)) for line in log.read_text().splitlines()]  # type: ignore[misc]


def places(told: list[tuple[str, str]], call: str, path: str) -> list[int]:
    return [place for place, one in enumerate(told) if one == (call, path)]


def test_data_and_folders_are_synced_before_the_catalog_that_names_them(bench: Bench, shim: dict[str, str]) -> None:
    log = bench.folder / "calls.txt"
    bench.start(SHIM_LOG=str(log), **shim).ended()
    told = calls(log)
    root = bench.folder.resolve()
    write_ahead = f"{root}/.headwater/catalog.db-wal"
    with bench.project() as project:
        records = list(project.catalog.published(project.env, lineage=False).values())
        stored = [str(root / ".headwater" / "data" / made.stored.location) for made in records if made.stored]
    assert len(stored) == 50
    committed = places(told, "sync", write_ahead)
    for file in stored:
        written, synced = places(told, "write", file), places(told, "sync", file)
        assert written, f"{file} was never seen to be written"
        assert synced, f"{file} was never synced"
        folder = [place for place in places(told, "sync", str(Path(file).parent)) if place > synced[-1]]
        above = [place for place in places(told, "sync", f"{root}/.headwater/data") if place > synced[-1]]
        assert max(written) < synced[-1]
        assert folder, f"the name of {file} was never synced"
        assert above, "the folder above was never synced"
        assert any(place > max(folder[0], above[0]) for place in committed), "nothing was committed after that"
        record = [place for place in places(told, "write", write_ahead) if place > max(folder[0], above[0])]
        assert record, f"{file} was named by the catalog before its name was synced"


def test_every_commit_of_evidence_is_synced(bench: Bench, shim: dict[str, str]) -> None:
    """Claims and heartbeats are not: no run survives a power failure."""
    log = bench.folder / "calls.txt"
    bench.start(SHIM_LOG=str(log), **shim).ended()
    told = calls(log)
    write_ahead = f"{bench.folder.resolve()}/.headwater/catalog.db-wal"
    writes, syncs = places(told, "write", write_ahead), places(told, "sync", write_ahead)
    assert syncs[-1] > writes[-1], "the end of the run was not synced"


def test_the_catalogs_own_name_is_synced(bench: Bench, shim: dict[str, str]) -> None:
    log = bench.folder / "calls.txt"
    bench.start(SHIM_LOG=str(log), **shim).ended()
    told = calls(log)
    root = bench.folder.resolve()
    assert places(told, "sync", f"{root}/.headwater"), "the folder of the catalog"
    assert places(told, "sync", str(root)), "the folder above it, in which it is new"


def test_relaxed_durability_syncs_no_data_and_no_commit(tmp_path: Path, shim: dict[str, str]) -> None:
    bench = Bench(tmp_path / "relaxed", extra='durability = "relaxed"\n')
    bench.start().ended()
    bench.change(2)
    log = bench.folder / "calls.txt"
    bench.start(SHIM_LOG=str(log), **shim).ended()
    synced = [path for call, path in calls(log) if call == "sync"]
    assert [path for path in synced if path.endswith(".parquet") or "/data" in path] == []
    assert len([path for path in synced if path.endswith("-wal")]) <= 2  # a checkpoint, so that the file is whole
    assert bench.published() == expected(2)
