"""Opening a storage by its table of headwater.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets_core.errors import StorageError
from materializers.storage.duckdb import DuckDBStorage
from materializers.storage.parquet import ParquetStorage
from materializers.storage.registry import open_storage


def test_parquet_is_the_default(tmp_path: Path) -> None:
    storage = open_storage("main", {}, tmp_path)
    assert isinstance(storage, ParquetStorage)
    assert storage.root == tmp_path / "data"


def test_the_kind_says_which(tmp_path: Path) -> None:
    storage = open_storage("wh", {"kind": "duckdb", "path": "a/b.duckdb"}, tmp_path)
    assert isinstance(storage, DuckDBStorage)
    assert (storage.name, storage.path) == ("wh", tmp_path / "a" / "b.duckdb")


def test_opening_touches_nothing(tmp_path: Path) -> None:
    for kind in ("parquet", "duckdb"):
        open_storage("x", {"kind": kind}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "hint"),
    [
        ({"kind": "parket"}, "HW420", "did you mean 'parquet'?"),
        ({"kind": 3}, "HW420", "duckdb"),
        ({"kind": "parquet", "pat": "x"}, "HW421", "did you mean 'path'?"),
        ({"kind": "parquet", "durability": "relaxd"}, "HW421", "did you mean 'relaxed'?"),
        ({"kind": "parquet", "compression": 7}, "HW421", "zstd"),
        ({"kind": "parquet", "path": ""}, "HW421", ""),
        ({"kind": "parquet", "path": "s3://bucket/tables"}, "HW421", "data is kept in local files"),
        ({"kind": "parquet", "path": "${no name}/tables"}, "HW421", "a variable in it is not filled in"),
        ({"kind": "duckdb", "path": "~/warehouse.duckdb"}, "HW421", "~ is not filled in"),
        ({"kind": "duckdb", "path": "a\0b"}, "HW421", "null character"),
        ({"kind": "duckdb", "memory": "1GB"}, "HW421", "memory_limit"),
    ],
)
def test_a_wrong_table_is_refused_with_the_nearest_word(
    tmp_path: Path, options: dict[str, object], code: str, hint: str
) -> None:
    with pytest.raises(StorageError) as raised:
        open_storage("main", options, tmp_path)
    assert raised.value.code == code
    assert hint in f"{raised.value.why} {raised.value.hint}"
    assert raised.value.where == "[storage.main]"
