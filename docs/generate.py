"""Writes the parts of the documentation that are made from the code: ``make docs``.

The state diagram of engine.md comes from ``assets_core.run.TRANSITIONS``, the tables of errors.md from every place in
the source that makes a HeadwaterError. A test fails when a page does not say what the code says.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from assets_core.run import ENDED, TRANSITIONS, StepState

DOCS = Path(__file__).resolve().parent
PACKAGES = ("assets_core", "lineage", "materializers", "headwater")
CODE = re.compile(r"HW\d{3}")
CLASS = re.compile(r"[A-Z]\w+Error")
FAMILIES = {
    "1": "Definitions: assets, sources, checks and settings",
    "2": "Lineage: reading SQL and polars plans",
    "3": "Data: files, results and checks",
    "4": "Storages and the catalog",
    "5": "Runs",
    "6": "Usage: commands and calls",
    "7": "Refused",
}

IN_OTHER_WORDS = {
    "HW224": "what polars says when it cannot resolve the plan",
    "HW310": "there is no file …, or no file matches a pattern",
    "HW501": "what the asset's function raised, with its traceback from the function on",
    "HW598": "interrupted before there was an answer; with --json, so that there is a document",
    "HW599": "unexpected …: an error in Headwater itself",
    "HW620": "a command was written wrongly",
    "HW751": "data of a protected environment's history would be deleted, and nobody said yes",
}
"""Codes that the source does not put beside the sentence they come with."""


class Found(NamedTuple):
    """One way in which an error speaks: ``…`` stands for what is filled in."""

    code: str
    says: str
    hint: str


def main() -> int:
    """Rewrites the generated parts; returns an exit status."""
    for name, marker, text in parts():
        page = DOCS / name
        page.write_text(replaced(page.read_text(encoding="utf-8"), marker, text), encoding="utf-8")
    return 0


def parts() -> list[tuple[str, str, str]]:
    """Page, marker and text of every generated part."""
    return [("engine.md", "states", state_diagram()), ("errors.md", "codes", error_tables())]


def replaced(page: str, marker: str, text: str) -> str:
    """A page with what stands between ``<!-- marker -->`` and ``<!-- /marker -->`` replaced."""
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}"


def state_diagram() -> str:
    """The run's state table as a mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {StepState.PENDING}"]
    lines += [f"  {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    lines += [f"  {state} --> [*]" for state in StepState if state in ENDED]
    return "\n".join([*lines, "```"])


def error_tables() -> str:
    """Every code with what it says and what it advises, by family."""
    found: dict[str, list[Found]] = {}
    for one in sorted({*errors()}):
        found.setdefault(one.code, []).append(one)
    lines: list[str] = []
    for digit, title in FAMILIES.items():
        lines += ["", f"## HW{digit}xx: {title}", "", "| code | says | hint |", "|---|---|---|"]
        for code, ways in found.items():
            if code[2] == digit:
                says = "<br>".join(dict.fromkeys(one.says for one in ways if one.says))
                hints = "<br>".join(dict.fromkeys(one.hint for one in ways if one.hint))
                lines.append(f"| {code} | {says} | {hints} |")
    return "\n".join(lines)


def errors() -> Iterator[Found]:
    """Every place in the source that names a code and says something with it."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(args=arguments):
                    yield from _raised(node, arguments)
                case ast.ClassDef(body=body):
                    yield from _members(body)
                case ast.Dict(keys=keys, values=values):
                    yield from (
                        Found(_code(b), _shown(a), "") for a, b in zip(keys, values, strict=True) if a and _code(b)
                    )
    yield from (Found(code, says, "") for code, says in IN_OTHER_WORDS.items())


def _raised(call: ast.Call, arguments: list[ast.expr]) -> Iterator[Found]:
    """``DefinitionError("HW101", "what", hint="...")``, or ``StepError("HW511", "RunError", "what")``."""
    for place, code in enumerate(arguments):
        said = [text for text in map(_shown, arguments[place + 1 :]) if text and not CLASS.fullmatch(text)]
        if _code(code) and said:
            hint = next((_shown(one.value) for one in call.keywords if one.arg == "hint"), "")
            yield Found(_code(code), said[0], hint)
    for one in call.keywords:
        if one.arg == "code" and _code(one.value):  # call.confirm("move 3 pointers", code="HW722")
            what = _shown(arguments[0]) if arguments else ""
            says = f"a protected environment, and nobody said yes to: {what or '…'}"
            yield Found(_code(one.value), says, "say --yes")


def _members(body: list[ast.stmt]) -> Iterator[Found]:
    """``ALTERED = "HW450"`` with its docstring below."""
    for member, text in pairwise(body):
        if isinstance(member, ast.Assign) and _code(member.value) and isinstance(text, ast.Expr):
            yield Found(_code(member.value), _shown(text.value), "")


def sources() -> list[Path]:
    """Every Python file of the four packages."""
    return [path for package in PACKAGES for path in sorted((DOCS.parent / package).rglob("*.py"))]


def codes_in_source() -> set[str]:
    """Every code that stands in quotation marks somewhere in the source."""
    return {code for path in sources() for code in re.findall(r'"(HW\d{3})"', path.read_text(encoding="utf-8"))}


def _code(node: ast.expr) -> str:
    """The code that an expression is, empty for any other."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return text if CODE.fullmatch(text) else ""


def _shown(node: ast.expr) -> str:
    """A text as far as the source gives it."""
    match node:
        case ast.Constant(value=str(text)):
            shown = text
        case ast.JoinedStr(values=values):
            shown = "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in values)
        case ast.BoolOp(values=values):
            shown = " or ".join(filter(None, map(_shown, values)))
        case ast.IfExp(body=body, orelse=orelse):
            shown = " / ".join(filter(None, (_shown(body), _shown(orelse))))
        case ast.BinOp(left=left, right=right):
            shown = _shown(left) + _shown(right)
        case ast.Call(func=ast.Name(id="did_you_mean")):
            shown = "names the nearest known name"
        case _:
            shown = ""
    flat = " ".join(shown.split())
    return re.sub(r"([|<>*])", r"\\\1", flat)


if __name__ == "__main__":
    sys.exit(main())
