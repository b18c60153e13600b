"""Statements inside text that the parser leaves whole: procedures, blocks, UNLOAD, EXPLAIN, dynamic SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from assets_core.errors import LineageError
from lineage.columns.sql_dialects import Rules
from lineage.columns.sql_parse import parse_statements, tokens_of

_STARTS = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "REPLACE", "FROM", "DROP"})
_GLUE = frozenset(
    {"BEGIN", "END", "THEN", "ELSE", "LOOP", "TRY", "CATCH", "AS", "IS", "DO", "REPEAT", "DECLARE", "IF", "WHILE",
     "ELSEIF", "ELSIF", "FOR", "TRANSACTION", "EXCEPTION", "EXPLAIN", "ANALYZE", "VERBOSE", "PLAN", "IMMEDIATE",
     "QUERY", "UNLOAD", "EXECUTE", "EXEC", "SET", "PRINT", "GO", "COMMIT", "ROLLBACK", "THROW", "RAISERROR",
     "CURSOR", "IN", "RETURN", "OPEN", "FORMATTED", "EXTENDED"}
)  # fmt: skip
_PROCEDURAL = frozenset(
    {"UNLOAD", "BEGIN", "DECLARE", "PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "IF", "WHILE", "TRY"}
)


def is_procedural(sql: str, rules: Rules) -> bool:
    """Whether a text looks like a procedure or a block rather than a plain statement."""
    try:
        words = [token.text.upper() for token in tokens_of(sql, rules)[:400]]
    except LineageError:
        return False
    following = [*words[1:], ""]
    return any(
        word in _PROCEDURAL and not (word == "IF" and after in ("NOT", "EXISTS"))
        for word, after in zip(words, following, strict=True)
    )


def embedded(text: str, rules: Rules, depth: int = 0) -> Iterator[exp.Expr]:
    """The statements found in a text, in order; pieces that do not parse are left out.

    Arguments:
        text: procedural SQL, or a command around a query, which may stand in quotes.
        rules: the dialect's.
        depth: how many quoted texts were opened to get here.
    """
    try:
        tokens = tokens_of(text, rules)
    except LineageError:
        return
    for piece in _pieces(tokens):
        statement = _statement(text, piece, rules)
        if statement is not None:
            yield statement
        elif depth < 3:
            for token in piece:
                if _is_text(token) and any(start in token.text.upper() for start in _STARTS):
                    yield from embedded(token.text, rules, depth + 1)


def _is_text(token: Token) -> bool:
    return token.token_type in (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING)


def _pieces(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens between semicolons, and between a block's words and the statement behind them."""
    piece: list[Token] = []
    depth = 0
    for token in tokens:
        if token.token_type is TokenType.L_PAREN:
            depth += 1
        elif token.token_type is TokenType.R_PAREN:
            depth -= 1
        if token.token_type is TokenType.SEMICOLON:
            yield piece
            piece, depth = [], 0
        elif depth == 0 and piece and token.text.upper() in _STARTS and _begins(piece, token):
            yield piece
            piece = [token]
        else:
            piece.append(token)
    yield piece


def _begins(piece: list[Token], token: Token) -> bool:
    """Whether a statement begins at a token: behind a word of a block, or where none has begun yet."""
    last = piece[-1].text.upper()
    if piece[0].text.upper() == "MERGE":  # its THEN UPDATE and THEN INSERT are its own
        return False
    if last in ("BEGIN", "THEN", "ELSE", "LOOP", "TRY", "CATCH", "DO", "REPEAT", "END"):
        return True
    begun, word = piece[0].text.upper(), token.text.upper()
    if begun not in _STARTS:
        return word != "FROM"
    if last in ("UNION", "ALL", "EXCEPT", "INTERSECT", "MINUS", "AS", "FOR", "ON", ")", ",") and word == "SELECT":
        return last == ")" and begun not in ("INSERT", "WITH") and _has(piece, "SELECT", "VALUES", "SET")
    if word == "SELECT":
        return _has(piece, "SELECT", "VALUES") if begun in ("INSERT", "WITH", "CREATE") else begun != "MERGE"
    # Without semicolons, as T-SQL lets one write, the next statement's first word ends the one before.
    return word in ("INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP") and last not in ("FOR", "THEN", "ON", "AS")


def _has(piece: list[Token], *words: str) -> bool:
    """Whether one of the words stands in a piece outside of parentheses."""
    depth = 0
    for token in piece:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and token.text.upper() in words:
            return True
    return False


def _statement(text: str, piece: list[Token], rules: Rules) -> exp.Expr | None:
    """The statement of a piece; a query in parentheses counts, a piece of nothing but glue does not."""
    for place, token in enumerate(piece):
        word = token.text.upper()
        starts = word in _STARTS or token.token_type is TokenType.L_PAREN
        if not starts:
            continue
        if word == "CREATE" and any(other.text.upper() in _PROCEDURAL for other in piece[:6]):
            return None
        end = piece[-1].end
        if token.token_type is TokenType.L_PAREN:
            end = _closing(piece, place)
        parsed = _parsed(text[token.start : end + 1], rules)
        if parsed is None and word in _STARTS:
            parsed = _without_rest(text, piece, place, rules)
        if parsed is not None:
            return parsed
        if word in _STARTS and word != "CREATE":
            return None
    return None


def _closing(piece: list[Token], place: int) -> int:
    depth = 0
    for token in piece[place:]:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0:
            return token.end
    return piece[-1].end


def _without_rest(text: str, piece: list[Token], place: int, rules: Rules) -> exp.Expr | None:
    """The statement in front of what follows it without a semicolon: the end of a block, SET, IF and the like."""
    cuts = [cut for cut in range(len(piece) - 1, place + 1, -1) if piece[cut].text.upper() in _GLUE]
    for cut in cuts[:12]:
        parsed = _parsed(text[piece[place].start : piece[cut - 1].end + 1], rules)
        if parsed is not None:
            return parsed
    return None


def _parsed(text: str, rules: Rules) -> exp.Expr | None:
    try:
        statements = parse_statements(text, rules)
    except (LineageError, SqlglotError):
        return None
    first = statements[0]
    known = isinstance(first, exp.Query | exp.DML | exp.Create | exp.Drop | exp.Merge | exp.MultitableInserts)
    return first if known and len(statements) == 1 else None
