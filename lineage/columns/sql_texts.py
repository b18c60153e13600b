"""The text of SELECT items as written, for dialects that name unnamed columns after it."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from lineage.columns.sql_dialects import Rules

_KEEPING = frozenset({"mysql", "sqlite", "snowflake", "oracle"})
_ENDS = frozenset(
    {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "MINUS", "QUALIFY", "WINDOW",
     "INTO", "FETCH", "OFFSET", "FOR"}
)  # fmt: skip


def keeps_text(rules: Rules) -> bool:
    """Whether a dialect names unnamed columns after the text of their expressions."""
    return rules.name in _KEEPING


def projection_texts(statement: exp.Expr, text: str, rules: Rules) -> dict[int, str]:
    """The text of each item of the outermost SELECT list, by ``id`` of its node.

    Arguments:
        statement: the only statement of the text.
        text: what it was parsed from.
        rules: the dialect's.

    Returns:
        nothing where the items in text and tree do not match one to one.
    """
    select: exp.Expr | None = statement
    while isinstance(select, exp.SetOperation | exp.Insert | exp.Create):
        select = select.args.get("this" if isinstance(select, exp.SetOperation) else "expression")
    if not isinstance(select, exp.Select):
        return {}
    try:
        texts = _items(text, rules)
    except SqlglotError:
        return {}
    if len(texts) != len(select.expressions):
        return {}
    return {id(node): item for node, item in zip(select.expressions, texts, strict=True)}


def _items(text: str, rules: Rules) -> list[str]:
    """The items of the first SELECT outside of parentheses."""
    items: list[list[Token]] = []
    depth = 0
    within = False
    for token in rules.dialect.tokenize(text):
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET):
            depth -= 1
        word = token.text.upper()
        if depth == 0 and not within:
            if token.token_type is TokenType.SELECT:
                within, items = True, [[]]
            continue
        if not within:
            continue
        if depth == 0 and (word in _ENDS or token.token_type is TokenType.SEMICOLON):
            break
        if depth == 0 and token.token_type is TokenType.COMMA:
            items.append([])
        elif not (word in ("DISTINCT", "ALL") and not items[-1] and len(items) == 1):
            items[-1].append(token)
    return [text[item[0].start : item[-1].end + 1] if item else "" for item in items]
