"""Bound values of a query, written ``:name``: which there are, and the same query as DuckDB takes it."""

from __future__ import annotations

from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from assets_core.errors import LineageError
from lineage.columns.sql_dialects import rules_of

_ENDS_OPERAND = frozenset(
    {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.R_PAREN, TokenType.R_BRACKET,
     TokenType.R_BRACE, TokenType.L_BRACKET}
)  # fmt: skip


def bound_names(sql: str) -> tuple[str, ...]:
    """The names of the values bound in a query (``:partition_key``, or as DuckDB writes it ``$partition_key``), each
    once, in order.

    Colons in strings, comments, casts (``::``), slices (``a[1:n]``) and struct literals are no bound values.

    Raises:
        LineageError: HW210, the text cannot be cut into tokens.
    """
    return tuple(dict.fromkeys(sql[colon.end + 1 : name.end + 1] for colon, name in _bound(sql)))


def to_duckdb(sql: str) -> str:
    """The query with every bound value ``:name`` written ``$name``; everything else is left as it is.

    Raises:
        LineageError: HW210, the text cannot be cut into tokens.
    """
    parts: list[str] = []
    done = 0
    for colon, _ in _bound(sql):
        parts += [sql[done : colon.start], "$"]
        done = colon.end + 1
    return "".join([*parts, sql[done:]])


def _bound(sql: str) -> list[tuple[Token, Token]]:
    try:
        tokens = list(rules_of("duckdb").dialect.tokenize(sql))
    except SqlglotError as error:
        raise LineageError("HW210", "this is not SQL of the duckdb dialect", why=str(error)) from None
    found: list[tuple[Token, Token]] = []
    for place in range(len(tokens) - 1):
        colon, name = tokens[place], tokens[place + 1]
        if colon.token_type not in (TokenType.COLON, TokenType.PARAMETER) or name.start != colon.end + 1:
            continue
        if not sql[name.start : name.end + 1].isidentifier():
            continue
        slices = colon.token_type is TokenType.COLON and place and tokens[place - 1].token_type in _ENDS_OPERAND
        if slices:
            continue
        found.append((colon, name))
    return found
