"""Storages, readers of sources, the task, executors and the engine.

For those who write a storage of their own: the protocol, and the two storages that come with Headwater. Importing
this package costs nothing.
"""

# Type checkers take this name for true; importing it from typing would load a dozen modules.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from materializers.storage.duckdb import DuckDBStorage
    from materializers.storage.parquet import ParquetStorage
    from materializers.storage.protocol import Storage
else:
    _HOME_OF = {
        "DuckDBStorage": "materializers.storage.duckdb",
        "ParquetStorage": "materializers.storage.parquet",
        "Storage": "materializers.storage.protocol",
    }

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOME_OF:
            raise AttributeError(f"module 'materializers' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
        return found

    def __dir__():
        return __all__


__all__ = ["DuckDBStorage", "ParquetStorage", "Storage"]
