"""How the files of a source are read: the options that each format has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from assets_core.errors import DefinitionError, did_you_mean
from lineage.dtypes import as_dtype

_ONE_BYTE = ("separator", "quote_char", "eol_char")


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Arguments:
        options: the read options that a source may give, each with what its value must be an instance of.
    """

    name: str
    options: Mapping[str, tuple[type, ...]]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "csv": Format(
            "csv",
            {
                "separator": (str,),
                "quote_char": (str, type(None)),
                "has_header": (bool,),
                "null_values": (str, list, tuple, dict),
                "empty_string_is_null": (bool,),
                "comment_prefix": (str,),
                "skip_rows": (int,),
                "skip_rows_after_header": (int,),
                "encoding": (str,),
                "eol_char": (str,),
                "decimal_comma": (bool,),
                "try_parse_dates": (bool,),
                "truncate_ragged_lines": (bool,),
                "schema_overrides": (dict,),
            },
        ),
        "jsonl": Format("jsonl", {"schema_overrides": (dict,)}),
        "parquet": Format("parquet", {"hive_partitioning": (bool,)}),
    }
)
"""Every format that sources can have. An option means what it means in polars' ``scan_csv``, ``scan_ndjson`` and
``scan_parquet``."""


def check_options(format: str, options: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:  # noqa: A002 -- the declaration's word
    """Read options in the form polars takes, with data types read from their names.

    Raises:
        DefinitionError: HW160, the format has no such option; HW161, its value is of a wrong type or not possible.
    """
    known = FORMATS[format].options
    for option, value in options.items():
        if option not in known:
            raise DefinitionError(
                "HW160",
                f"files of format {format} have no read option {option!r}",
                where=where,
                hint=did_you_mean(option, known) or f"they have {', '.join(sorted(known))}",
            )
        wanted = _refused(option, value, known[option])
        if wanted:
            raise DefinitionError("HW161", f"the read option {option} is {value!r}", where=where, hint=wanted)
    clean = dict(options)
    overrides = clean.get("schema_overrides")
    if isinstance(overrides, dict):
        clean["schema_overrides"] = {str(name): as_dtype(dtype) for name, dtype in overrides.items()}
    return clean


def named_columns(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every (option, column) in which an option names a column; polars would ignore a name that does not exist."""
    values = ((option, options.get(option)) for option in ("schema_overrides", "null_values"))
    return [(option, name) for option, value in values if isinstance(value, dict) for name in value]


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checked options as values that can be digested: data types as text."""
    return {name: _plain(value) for name, value in options.items()}


def _refused(option: str, value: Any, good: tuple[type, ...]) -> str:
    """What to give instead of a value; empty if it is fine."""
    if not isinstance(value, good) or (isinstance(value, bool) and bool not in good):
        return f"give a {' or '.join(one.__name__ for one in good).replace('NoneType', 'None')}"
    if option in _ONE_BYTE and value is not None and len(str(value).encode()) != 1:
        return "give one character of ASCII"
    if option == "encoding" and value not in ("utf8", "utf8-lossy"):
        return "use 'utf8' or 'utf8-lossy'; turn other encodings into UTF-8 first"
    return "give a number that is not negative" if isinstance(value, int) and value < 0 else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, pl.DataType) else value
