"""Reading the files of one source as a whole, strictly: every row, or an error that names file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets_core.asset import Source
from assets_core.digest import digest
from assets_core.errors import DataError, DefinitionError, did_you_mean
from materializers.files import SourceFile
from materializers.read_errors import broken_row, explain, ragged_row
from materializers.read_options import named_columns, plain_options
from materializers.readers import FAILURES, as_schema, columns_of, infer_schema, scan

LARGE_BYTES = 64 * 1024 * 1024
"""Parquet files of together so many bytes are not decoded to look at them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The files of a source as they are now, and how they are read.

    Arguments:
        options: what ``read_options.check_options`` returned.
        content: digest of the names and bytes of the files, the read options and the declared schema.
    """

    source: Source
    files: tuple[SourceFile, ...]
    options: Mapping[str, Any]
    content: str

    def find_schema(self) -> pl.Schema:
        """The declared schema, else the one that fits all the data.

        Raises:
            DataError: HW313, the files differ in their columns, or from those declared; HW314, a row is broken;
                HW315, a file cannot be read.
            DefinitionError: HW161, a read option names a column that is not there.
        """
        try:
            if self.source.schema is None:
                inferred = infer_schema(self.source.format, self._paths, self.options)
                self._check_names(inferred)
                if not inferred:
                    raise self._without_columns()
                return inferred
            schema = as_schema(self.source.schema)
            for file in self.files:
                found = columns_of(self.source.format, file.path, self.options)
                if found is not None:
                    self._compare(schema, found, file)
        except FAILURES as error:
            raise self._explained(None, error) from error
        return schema

    def _without_columns(self) -> DataError:
        return DataError(
            "HW313",
            f"the files of the source {self.source.key} have no column",
            where=self.source.where,
            hint="declare the columns with schema=, or mend the files",
        )

    def _check_names(self, schema: pl.Schema) -> None:
        for option, name in named_columns(self.options):
            if name not in schema:
                raise DefinitionError(
                    "HW161",
                    f"the read option {option} of {self.source.key} names a column {name!r} that is not there",
                    where=self.source.where,
                    hint=did_you_mean(name, schema) or f"there are {', '.join(schema)}",
                )

    def _compare(self, schema: pl.Schema, found: Mapping[str, pl.DataType | None], file: SourceFile) -> None:
        """Refuses a file that lacks a declared column, or has it in another type; further columns are left unread."""
        for name, dtype in schema.items():
            if name not in found:
                raise DataError(
                    "HW313",
                    f"{file.name} has no column {name!r}, which the source {self.source.key} declares",
                    where=file.path,
                    hint=did_you_mean(name, found) or f"it has {', '.join(found)}",
                )
            if found[name] not in (None, dtype):
                raise DataError(
                    "HW313",
                    f"the column {name!r} of {file.name} is {found[name]}, and declared as {dtype}",
                    where=file.path,
                    hint="declare the type that the file has, and cast in an asset",
                )

    def frame(self, schema: pl.Schema) -> pl.LazyFrame:
        """All rows in the order of the files, without looking at them."""
        return scan(self.source.format, self._paths, self.options, schema)

    def count_rows(self, schema: pl.Schema) -> int:
        """The number of rows, for which every value of every file is read and none kept.

        Of Parquet files that are large together only the footers are read: decoding them would cost as much as the
        step that reads them, their bytes are digested anyway, and a page that is broken fails that step.

        Raises:
            DataError: HW314, HW315.
        """
        if self.source.format == "parquet" and sum(file.state.size for file in self.files) >= LARGE_BYTES:
            return int(self._run(schema, self.frame(schema).select(pl.len())).item())
        counts = self._run(schema, self.frame(schema).select(pl.len(), pl.all().null_count().name.prefix("null of ")))
        return int(counts.item(0, 0))

    def collect(self, schema: pl.Schema) -> pl.DataFrame:
        """All rows in memory.

        Raises:
            DataError: HW314, HW315.
        """
        return self._run(schema, self.frame(schema))

    @property
    def _paths(self) -> list[str]:
        return [file.path for file in self.files]

    def _run(self, schema: pl.Schema, frame: pl.LazyFrame) -> pl.DataFrame:
        if self.source.format == "csv":
            for file in self.files:
                fault = ragged_row(file.path, self.options)
                if fault is not None:
                    raise broken_row(file.name, file.path, fault)
        try:
            return frame.collect(engine="streaming")
        except FAILURES as error:
            raise self._explained(schema, error) from error

    def _explained(self, schema: pl.Schema | None, error: BaseException) -> DataError:
        named = [(file.name, file.path) for file in self.files]
        return explain(self.source.format, named, self.options, schema, error)


def reading_of(source: Source, options: Mapping[str, Any], files: Sequence[SourceFile]) -> Reading:
    """A reading of files whose bytes are known by their digests; reads nothing.

    Arguments:
        options: what ``read_options.check_options`` returned.
    """
    content = digest(
        "files",
        source.format,
        plain_options(options),
        source.schema,
        tuple((file.name, file.digest) for file in files),
    )
    return Reading(source, tuple(files), options, content)
