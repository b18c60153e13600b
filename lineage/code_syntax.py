"""What a function's or class's syntax says: its canonical form, and the names through which it reaches other things.

Comments and layout never reach the tree; docstrings and annotations without effect are taken out of it. The canonical
form leaves out empty fields, so that it is the same under the Python versions that Headwater runs on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Chain: TypeAlias = tuple[str, ...]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_INERT_FIELDS = frozenset({"type_comment", "kind", "type_ignores", "ctx"})


@dataclass(frozen=True, slots=True)
class Syntax:
    """What was read off one node.

    Arguments:
        digest: of the canonical form.
        chains: dotted names that are loaded, each as far as it goes: ``("helpers", "f")``.
        imports: names bound by imports inside, with the module and the attribute they stand for.
        calls: (dotted name, first argument) of calls and subscripts whose first argument is a constant text or a
            dotted name: by these the reading of environment variables is found.
    """

    digest: str
    chains: tuple[Chain, ...]
    imports: tuple[tuple[str, str, str], ...]
    calls: tuple[tuple[Chain, str | Chain | None], ...]


def index_functions(tree: ast.Module) -> dict[tuple[str, int], list[FunctionNode]]:
    """All functions of a module by ``(co_name, co_firstlineno)``; the first line is that of the first decorator."""
    index: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            index.setdefault((node.name, first), []).append(node)
        elif isinstance(node, ast.Lambda):
            index.setdefault(("<lambda>", node.lineno), []).append(node)
    return index


def function_syntax(nodes: Iterable[FunctionNode], global_names: Iterable[str]) -> Syntax:
    """Reads a function; of several nodes (lambdas of one line that cannot be told apart) everything counts.

    The function's own decorators are left out: what they do shows in the object that the name is bound to.

    Arguments:
        global_names: the names that the compiled code looks up outside itself.
    """
    cleaned = [_own_function(node) for node in nodes]
    return _syntax(cleaned, frozenset(global_names))


def class_syntax(node: ast.ClassDef) -> Syntax:
    """Reads a class without the bodies of its methods, which are read as functions of their own."""
    body = [one for one in _without_docstring(node.body) if not isinstance(one, _FUNCTIONS)]
    cleaned = [_clean(one, in_class=True) for one in body]
    head = [*node.bases, *(keyword.value for keyword in node.keywords), *node.decorator_list]
    names = sorted(one.name for one in node.body if isinstance(one, _FUNCTIONS))
    return _syntax([*head, *cleaned], None, extra=[node.name, *names, *(str(one.arg) for one in node.keywords)])


def module_syntax(tree: ast.Module) -> Syntax:
    """Reads a whole module."""
    return _syntax([_clean(one) for one in _without_docstring(tree.body)], None)


def _syntax(nodes: list[Any], global_names: frozenset[str] | None, extra: Iterable[str] = ()) -> Syntax:
    hashed = sha256()
    for text in extra:
        hashed.update(b"%d:%b" % (len(text.encode()), text.encode()))
    for node in nodes:
        for piece in _canonical(node):
            hashed.update(piece)
    found = _Names()
    for node in nodes:
        found.visit(node)
    imported = {name for name, _, _ in found.imports}
    chains = sorted(
        chain for chain in found.chains if global_names is None or chain[0] in global_names or chain[0] in imported
    )
    return Syntax(hashed.hexdigest(), tuple(chains), tuple(sorted(found.imports)), tuple(found.calls))


def _own_function(node: FunctionNode) -> Any:
    if isinstance(node, ast.Lambda):
        return _clean(node)
    cleaned = _clean(node)
    cleaned.decorator_list = []
    return cleaned


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def _clean(node: Any, *, in_class: bool = False) -> Any:
    """A copy without docstrings and without annotations that have no effect."""
    if isinstance(node, list):
        return [one for one in (_clean(item, in_class=in_class) for item in node) if one is not None]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.AnnAssign) and not in_class:
        if node.value is None:
            return None
        return ast.Assign(targets=[_clean(node.target)], value=_clean(node.value))
    copied = copy(node)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") and not isinstance(node, ast.AnnAssign):
            setattr(copied, name, None)
            continue
        if name == "body" and isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            inside = isinstance(node, ast.ClassDef)
            setattr(copied, name, _clean(_without_docstring(value), in_class=inside) or [ast.Pass()])
        else:
            below = in_class and isinstance(node, ast.If | ast.Try | ast.With | ast.AnnAssign)
            # Annotations of a class body count: dataclasses and pydantic read them.
            setattr(copied, name, _clean(value, in_class=below))
    return copied


def _canonical(node: Any) -> Iterator[bytes]:
    """The node as bytes, each piece with its length, so that no two trees give the same."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in _INERT_FIELDS]
        kept = [(name, value) for name, value in fields if value is not None and value != []]
        # A constant None is a value, not an absent field.
        if isinstance(node, ast.Constant):
            kept = [("value", node.value)]
        yield b"(%b %d" % (type(node).__name__.encode(), len(kept))
        for name, value in kept:
            yield b" %b=" % name.encode()
            yield from _canonical(value)
        yield b")"
    elif isinstance(node, list):
        yield b"[%d" % len(node)
        for item in node:
            yield from _canonical(item)
        yield b"]"
    else:
        text = f"{type(node).__name__} {node!r}".encode("utf-8", "surrogatepass")
        yield b"%d:%b" % (len(text), text)


def chain_of(node: ast.AST) -> Chain | None:
    """The dotted name that an expression is, None if it is something else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(parts))


class _Names(ast.NodeVisitor):
    def __init__(self) -> None:
        self.chains: set[Chain] = set()
        self.imports: set[tuple[str, str, str]] = set()
        self.calls: list[tuple[Chain, str | Chain | None]] = []

    def visit_Name(self, node: ast.Name) -> None:
        self.chains.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        if chain is None:
            self.generic_visit(node)
        else:
            self.chains.add(chain)

    def visit_Call(self, node: ast.Call) -> None:
        self._remember(node.func, node.args[0] if node.args else None)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._remember(node.value, node.slice)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            self._remember(node.comparators[0], node.left)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.imports.add((name, alias.name if alias.asname else name, ""))
            if not alias.asname and "." in alias.name:
                self.imports.add((alias.name, alias.name, ""))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.imports.add((alias.asname or alias.name, "." * node.level + (node.module or ""), alias.name))

    def _remember(self, target: ast.AST, argument: ast.AST | None) -> None:
        chain = chain_of(target)
        if chain is None:
            return
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            self.calls.append((chain, argument.value))
        else:
            self.calls.append((chain, None if argument is None else chain_of(argument)))
