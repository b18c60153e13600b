"""Where a file is broken: the slow second look that turns a reader's complaint into a file and a line."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple, cast

import polars as pl

from assets_core.errors import DataError
from materializers.readers import FAILURES, json_casts, json_schema, scan

_SHOWN_CHARACTERS = 80
_PACKED = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}


class Fault(NamedTuple):
    """One place at which a file is broken."""

    line: int
    why: str


def explain(
    format: str,  # noqa: A002 -- the declaration's word
    files: Sequence[tuple[str, str]],
    options: Mapping[str, Any],
    schema: pl.Schema | None,
    error: BaseException,
) -> DataError:
    """The error to raise when reading files failed: it names the file, and the line where there are lines.

    Arguments:
        files: (name, path) of each.
        schema: what the files were read as; None when finding the schema failed.
        error: what polars raised.
    """
    for name, path in files:
        fault = _look(format, path, options, schema)
        if fault is not None:
            return broken_row(name, path, fault)
    names = ", ".join(name for name, _ in files[:3])
    reason = _first_line(error)
    for name, path in files:
        failure = _fails_alone(format, path, options, schema)
        if failure:
            names, reason = name, failure
            break
    return DataError(
        "HW315", f"{names} cannot be read as {format}", where=names, why=reason, hint=_HINTS.get(format, "")
    )


def ragged_row(path: str, options: Mapping[str, Any]) -> Fault | None:
    """The first row of a CSV file that has fewer or more fields than its first one; None if there is none.

    Polars fills short rows with nulls, and makes a row of nulls of an empty line: a file that was cut off would lose
    data without a word. A file without quotes is checked by counting bytes, some gigabytes a second.

    Raises:
        OSError: the file cannot be read.
    """
    if options.get("truncate_ragged_lines"):
        return None
    try:
        rows = _rows(path, options)
        columns = len(next(rows, (0, []))[1])
        plain = not {"comment_prefix", "skip_rows", "skip_rows_after_header", "eol_char"} & set(options)
        if columns < 2 or (plain and _counts_agree(path, options, columns)):
            return None
        for line, row in rows:
            if len(row) != columns:
                return Fault(line, f"it has {_fields(len(row))}, where the file has {columns} columns: {_shown(row)}")
    except _CsvError as error:
        return Fault(error.line, error.why)
    return None


def broken_row(name: str, path: str, fault: Fault) -> DataError:
    """The error for a fault of a file."""
    return DataError(
        "HW314",
        f"{name} has a broken row at line {fault.line}",
        where=f"{path}:{fault.line}",
        why=fault.why,
        hint="mend the file, or declare how it is to be read; nothing of it was taken over",
    )


def _look(format: str, path: str, options: Mapping[str, Any], schema: pl.Schema | None) -> Fault | None:  # noqa: A002 -- the declaration's word
    try:
        if format == "csv":
            return _look_at_csv(path, options, schema)
        if format == "jsonl":
            return _look_at_json(path, schema)
    except FAILURES:
        return None
    return None


def _look_at_csv(path: str, options: Mapping[str, Any], schema: pl.Schema | None) -> Fault | None:
    fault = _undecodable(path, options)
    if fault is not None:
        return fault
    fault = ragged_row(path, options)
    return fault or (_unfit_value(path, options, schema) if schema is not None else None)


def _undecodable(path: str, options: Mapping[str, Any]) -> Fault | None:
    if options.get("encoding") == "utf8-lossy":
        return None
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return Fault(number, f"it is no UTF-8: {error.reason} at byte {error.start + 1} of the line")
    return None


def _unfit_value(path: str, options: Mapping[str, Any], schema: pl.Schema) -> Fault | None:
    """The first value that does not fit its column's type: text where it is text, null where read leniently."""
    texts = scan("csv", [path], options, pl.Schema(dict.fromkeys(schema, pl.String())))
    lenient = scan("csv", [path], {**options, "ignore_errors": True}, schema)
    for name, dtype in schema.items():
        if dtype == pl.String:
            continue
        both = pl.concat([texts.select(text=name), lenient.select(value=name)], how="horizontal")
        lost = pl.col("text").is_not_null() & pl.col("value").is_null() & (pl.col("text") != "")
        bad = both.with_row_index("row").filter(lost).head(1).collect()
        if bad.height:
            text = bad["text"][0]
            skipped = int(options.get("has_header", True))
            line = next(itertools.islice(_rows(path, options), bad["row"][0] + skipped, None))[0]
            return Fault(line, f"{_shown([text])} in column {name!r} is no {dtype}")
    return None


def _look_at_json(path: str, schema: pl.Schema | None) -> Fault | None:
    with _opened(path) as file:
        for number, text in enumerate(file, 1):
            line = text.removeprefix(BOM_UTF8) if number == 1 else text
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                return Fault(number, f"it is no JSON: {error}")
            if not isinstance(value, dict):
                return Fault(number, f"it is no JSON object: {_shown([line.decode('utf-8', 'replace').strip()])}")
            if schema is not None:
                try:
                    pl.read_ndjson(line, schema=json_schema(schema)).with_columns(json_casts(schema))
                except FAILURES as error:
                    return Fault(number, _first_line(error))
    return None


class _CsvError(Exception):
    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(why)


def _rows(path: str, options: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, the header first, each with the number of its first line."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    quote = options.get("quote_char", '"')
    after_header = options.get("skip_rows_after_header", 0) if options.get("has_header", True) else 0
    with _opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = _Lines(file, options.get("comment_prefix"), options.get("eol_char", "\n"))
        lines.skip(options.get("skip_rows", 0))
        reader = csv.reader(
            lines,
            delimiter=options.get("separator", ","),
            quotechar=quote,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
        for place in itertools.count():
            first = lines.number + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _CsvError(first, f"its quotes do not close: {error}") from None
            if not 1 <= place <= after_header:
                yield first, row


class _Lines:
    """Lines of a file with comments left out, and the number of the one that was given last."""

    def __init__(self, lines: Iterator[str], comment: str | None, end: str) -> None:
        self._lines = iter(lines) if end == "\n" else _split_by(lines, end)
        self._comment = comment
        self.number = 0

    def skip(self, count: int) -> None:
        for _ in itertools.islice(self._lines, count):
            self.number += 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines)
            self.number += 1
            if self._comment is None or not line.startswith(self._comment):
                return line


def _split_by(lines: Iterator[str], end: str) -> Iterator[str]:
    for part in "".join(lines).split(end):
        if part:
            yield f"{part}\n"


def _counts_agree(path: str, options: Mapping[str, Any], columns: int) -> bool:
    """Whether a file without quotes has as many separators as its lines need; false where quotes forbid to tell."""
    separator = options.get("separator", ",").encode()
    quote = (options.get("quote_char", '"') or "").encode()
    separators, ends, last = 0, 0, b"\n"
    with _opened(path) as file:
        while chunk := file.read(1 << 20):
            if quote and quote in chunk:
                return False
            separators += chunk.count(separator)
            ends += chunk.count(b"\n")
            last = chunk[-1:]
    lines = ends + (last != b"\n")
    return separators == lines * (columns - 1)


def _opened(path: str) -> IO[bytes]:
    """The bytes of a file as polars reads them: unpacked, if its first bytes say that it is packed."""
    import pyarrow as pa  # late: only what cannot be read is looked at like this

    with open(path, "rb") as file:
        first = file.read(4)
    for kind, magic in _PACKED.items():
        if first.startswith(magic):
            return cast(IO[bytes], pa.input_stream(path, compression=kind))
    return open(path, "rb")


def _fails_alone(format: str, path: str, options: Mapping[str, Any], schema: pl.Schema | None) -> str:  # noqa: A002 -- the declaration's word
    try:
        if not os.path.getsize(path) and format != "jsonl":
            return "the file is empty"
        if schema is not None:
            scan(format, [path], options, schema).select(pl.all().null_count()).collect(engine="streaming")
        elif format == "parquet":
            pl.read_parquet_schema(path)
        return ""
    except FAILURES as error:
        return _first_line(error)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _fields(count: int) -> str:
    return "one field" if count == 1 else f"{count or 'no'} fields"


def _shown(row: Sequence[str]) -> str:
    text = repr(",".join(row))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


_HINTS = {
    "csv": "declare the columns with schema=, or mend the file",
    "jsonl": "declare the columns with schema=, or mend the file",
    "parquet": "the file is damaged or was not written to its end: get it again",
}
