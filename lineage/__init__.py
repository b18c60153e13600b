"""Column lineage, checks and evidence. The lineage functions work with no project at all:

``sql_lineage`` and ``sql_script_lineage`` read SQL, ``polars_lineage`` reads a polars plan, and ``placeholder`` makes
a typed LazyFrame without data to build one on. Importing this package costs nothing.
"""

# Type checkers take this name for true; importing it from typing would load a dozen modules.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from lineage.columns.placeholder import placeholder
    from lineage.columns.polars import polars_lineage
    from lineage.columns.sql import sql_lineage, sql_script_lineage
else:
    _HOME_OF = {
        "placeholder": "lineage.columns.placeholder",
        "polars_lineage": "lineage.columns.polars",
        "sql_lineage": "lineage.columns.sql",
        "sql_script_lineage": "lineage.columns.sql",
    }

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOME_OF:
            raise AttributeError(f"module 'lineage' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
        return found

    def __dir__():
        return __all__


__all__ = ["placeholder", "polars_lineage", "sql_lineage", "sql_script_lineage"]
