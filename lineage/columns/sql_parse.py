"""From text to syntax trees: clear errors with line and column, no noise, no recursion limit."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError
from sqlglot.tokenizer_core import Token

from assets_core.errors import HeadwaterError, LineageError
from lineage.columns.sql_bound import to_duckdb
from lineage.columns.sql_dialects import Rules

T = TypeVar("T")

_TEMPLATING = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_DELETING = re.compile(r"\bDELETE\s+WHERE\s+((?:(?!\bWHEN\b|;).)*)", re.IGNORECASE | re.DOTALL)
"""The second half of Oracle's ``WHEN MATCHED THEN UPDATE ... DELETE WHERE ...``."""
_WINDOWED = re.compile(
    r"TABLE\s*\(\s*(?:TUMBLE|HOP|CUMULATE|SESSION)\s*\(\s*TABLE\s+([\w.`]+)\s*,\s*DESCRIPTOR\s*\(\s*([\w`]+)\s*\)"
    r"(?:[^()]|\([^()]*\))*\)\s*\)",
    re.IGNORECASE,
)
"""Flink's windowing functions: all columns of the table, and the window's, which come from its time column."""
_DEEP_STACK_BYTES = 512 * 1024 * 1024
_DEEP_LIMIT = 120_000
_deep = threading.Lock()


def parse_statements(sql: str, rules: Rules) -> list[exp.Expr]:
    """The statements of a text, empty ones left out.

    Raises:
        LineageError: HW210, the text is not SQL of this dialect; HW211, it is a template that has not been
            rendered; HW212, there is no statement in it.
    """
    if rules.name == "duckdb" and ":" in sql:
        sql = to_duckdb(sql)  # a colon behind SELECT would begin an alias
    if rules.name == "flink":
        sql = _WINDOWED.sub(r"(SELECT *, \2 AS window_start, \2 AS window_end, \2 AS window_time FROM \1)", sql)
    if rules.name == "oracle":
        sql = _DELETING.sub(r" WHEN MATCHED AND (\1) THEN DELETE ", sql)
    template = _template(sql, rules)
    if template:
        raise template
    with quiet():
        try:
            tokens = rules.dialect.tokenize(sql)
            parsed = rules.dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
        except (ParseError, TokenError) as error:
            raise _refused(error, sql, rules) from None
        except (SqlglotError, ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError) as error:
            raise _not_sql(rules, why=str(error).splitlines()[0] if str(error) else "") from None
    statements = [
        statement for statement in parsed if statement is not None and not isinstance(statement, exp.Semicolon)
    ]
    if not statements:
        raise LineageError("HW212", "there is no SQL statement in the text", hint="comments alone say nothing")
    return statements


def tokens_of(sql: str, rules: Rules) -> list[Token]:
    """The tokens of a text.

    Raises:
        LineageError: HW210, it cannot be cut into tokens.
    """
    try:
        return list(rules.dialect.tokenize(sql))
    except SqlglotError as error:
        raise _refused(error, sql, rules) from None


def deeply(work: Callable[[], T]) -> T:
    """Does the work, and once more on a large stack if it is nested too deep for the ordinary one.

    Raises:
        LineageError: HW215, nested too deep even for that.
    """
    try:
        return work()
    except RecursionError:
        pass
    with _deep:
        outcome: list[T] = []
        failure: list[BaseException] = []
        before = threading.stack_size(_DEEP_STACK_BYTES)
        limit = sys.getrecursionlimit()

        def run() -> None:
            try:
                outcome.append(work())
            except BaseException as error:  # noqa: BLE001 handed to the caller's thread
                failure.append(error)

        try:
            sys.setrecursionlimit(max(limit, _DEEP_LIMIT))
            thread = threading.Thread(target=run, name="headwater-deep-sql")
            thread.start()
            thread.join()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(before)
    if not failure:
        return outcome[0]
    if isinstance(failure[0], RecursionError | MemoryError):
        raise LineageError("HW215", "the statement is nested too deep to be read") from None
    raise failure[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the parser's own warnings off the terminal; what matters becomes a warning of the lineage."""
    logger = logging.getLogger("sqlglot")
    if _silent in logger.filters:  # within another reading
        yield
        return
    logger.addFilter(_silent)
    try:
        yield
    finally:
        logger.removeFilter(_silent)


def _silent(_: logging.LogRecord) -> bool:
    return False


def place(node: exp.Expr) -> str:
    """``line L, column C`` of the first name inside a node, both from 1; empty where it is not known."""
    for found in node.walk():
        line = found.meta.get("line")
        if line:
            return f"line {line}, column {start_column(found)}"
    return ""


def start_column(node: exp.Expr) -> int:
    """The column, from 1, in which a name starts (the parser records where it ends)."""
    end_column: int = node.meta["col"]
    width: int = node.meta["end"] - node.meta["start"]
    return max(1, end_column - width)


def _template(sql: str, rules: Rules) -> HeadwaterError | None:
    """The error for ``{{ ... }}`` and its like left in a text, outside of strings and comments."""
    found = _TEMPLATING.search(sql)
    if found is None:
        return None
    try:
        starts = {token.start for token in rules.dialect.tokenize(sql)}
    except SqlglotError:
        starts = {found.start()}
    while found is not None and found.start() not in starts:
        found = _TEMPLATING.search(sql, found.end())
    if found is None:
        return None
    line = sql.count("\n", 0, found.start()) + 1
    return LineageError(
        "HW211",
        "the text is a template, not SQL",
        where=f"line {line}, column {found.start() - sql.rfind(chr(10), 0, found.start())}",
        why=found.group()[:80],
        hint="render it first; values can be bound as :name",
    )


def _refused(error: SqlglotError, sql: str, rules: Rules) -> HeadwaterError:
    details = getattr(error, "errors", None) or [{}]
    first = details[0]
    if not first.get("line"):
        found = re.search(r"Line (\d+), Col: (\d+)", str(error))
        first = {"line": found and found[1], "col": found and found[2], "description": _sentence(error)}
    where = f"line {first['line']}, column {first['col']}" if first.get("line") else ""
    return _not_sql(rules, where=where, why=str(first.get("description") or _sentence(error)))


def _sentence(error: Exception) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def _not_sql(rules: Rules, *, where: str = "", why: str = "") -> LineageError:
    dialect = rules.name or "generic"
    return LineageError("HW210", f"this is not SQL of the {dialect} dialect", where=where, why=why)
