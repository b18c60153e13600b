"""Headwater: an asset-centric data lineage orchestrator.

Everything that a project needs is imported from here. Importing this package costs nothing: each name is looked up
when it is first used.
"""

# Type checkers take this name for true; importing it from typing would load a dozen modules.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from assets_core import check
    from assets_core.asset import Asset, Column, Input, Out, Retry, Run, Source
    from assets_core.column_lineage import ColumnLineage, ColumnRef
    from assets_core.context import Context
    from assets_core.declare import asset, multi_asset, source, sql_asset
    from assets_core.errors import HeadwaterError, ProjectError
    from assets_core.keys import Slot
    from assets_core.mappings import all_partitions, dimension, identity, last, mapped, static_map, window
    from assets_core.partitions import (
        Cron,
        Daily,
        Dynamic,
        Hourly,
        Monthly,
        Multi,
        Partition,
        Quarterly,
        Static,
        Weekly,
        Yearly,
    )
    from assets_core.settings import Config, Resource
    from headwater.project import Project
    from lineage.columns.placeholder import placeholder
    from lineage.columns.polars import polars_lineage
    from lineage.columns.sql import sql_lineage, sql_script_lineage
else:
    _HOMES = {
        "assets_core.asset": ("Asset", "Column", "Input", "Out", "Retry", "Run", "Source"),
        "assets_core.column_lineage": ("ColumnLineage", "ColumnRef"),
        "assets_core.context": ("Context",),
        "assets_core.declare": ("asset", "multi_asset", "source", "sql_asset"),
        "assets_core.errors": ("HeadwaterError", "ProjectError"),
        "assets_core.keys": ("Slot",),
        "assets_core.mappings": (
            "all_partitions",
            "dimension",
            "identity",
            "last",
            "mapped",
            "static_map",
            "window",
        ),
        "assets_core.partitions": (
            "Cron",
            "Daily",
            "Dynamic",
            "Hourly",
            "Monthly",
            "Multi",
            "Partition",
            "Quarterly",
            "Static",
            "Weekly",
            "Yearly",
        ),
        "assets_core.settings": ("Config", "Resource"),
        "headwater.project": ("Project",),
        "lineage.columns.placeholder": ("placeholder",),
        "lineage.columns.polars": ("polars_lineage",),
        "lineage.columns.sql": ("sql_lineage", "sql_script_lineage"),
    }
    _HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name):
        from importlib import import_module

        if name == "check":
            found = import_module("assets_core.check")
        elif name in _HOME_OF:
            found = getattr(import_module(_HOME_OF[name]), name)
        else:
            raise AttributeError(f"module 'headwater' has no attribute {name!r}")
        globals()[name] = found
        return found

    def __dir__():
        return __all__


__all__ = [
    "Asset",
    "Column",
    "ColumnLineage",
    "ColumnRef",
    "Config",
    "Context",
    "Cron",
    "Daily",
    "Dynamic",
    "HeadwaterError",
    "Hourly",
    "Input",
    "Monthly",
    "Multi",
    "Out",
    "Partition",
    "Project",
    "ProjectError",
    "Quarterly",
    "Resource",
    "Retry",
    "Run",
    "Slot",
    "Source",
    "Static",
    "Weekly",
    "Yearly",
    "all_partitions",
    "asset",
    "check",
    "dimension",
    "identity",
    "last",
    "mapped",
    "multi_asset",
    "placeholder",
    "polars_lineage",
    "source",
    "sql_asset",
    "sql_lineage",
    "sql_script_lineage",
    "static_map",
    "window",
]
