"""What a function's or class's syntax says: its canonical form, and the names through which it reaches other things.

Comments and layout never reach the tree; docstrings and annotations without effect are passed over. The canonical form
leaves out empty fields, so that it is the same under the Python versions that Headwater runs on.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Chain: TypeAlias = tuple[str, ...]
CALLED = "()"
"""Stands in a chain for an expression that is no dotted name."""
STORED = "[]="
"""Stands at the end of a chain whose item is set or deleted."""
PATH_READS = ("read_text", "read_bytes", "open")
"""Methods of a path that read its file."""
PATH_LISTS = ("glob", "rglob", "iterdir")
"""Methods of a path that list the files below it."""
_OPENS = ("open", "ZipFile", "TarFile", "GzipFile", "BZ2File", "LZMAFile")
"""Names of what opens a file in a mode, which comes second; a method ``open`` of a path has it first."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_INERT_FIELDS = frozenset({"type_comment", "kind", "type_ignores", "ctx"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


@dataclass(frozen=True, slots=True)
class Syntax:
    """What was read off one node.

    Arguments:
        digest: of the canonical form.
        chains: dotted names that are loaded, each as far as it goes: ``("helpers", "f")``.
        imports: names bound by imports inside, with the module and the attribute they stand for.
        calls: (dotted name, first argument) of calls and subscripts, with ``STORED`` where an item is set or deleted,
            and (``CALLED``, method) with the path itself of methods that read a path, or with the path and the pattern
            joined of those that list one: by these the reading of environment variables and files is found.
        attributes: names that are asked of anything.
        assigned: variables inside that are assigned once and nowhere else, with what they are assigned.
        written: the paths of files that are written.
    """

    digest: str
    chains: tuple[Chain, ...]
    imports: tuple[tuple[str, str, str], ...]
    calls: tuple[tuple[Chain, ast.expr | None], ...]
    attributes: frozenset[str]
    assigned: tuple[tuple[str, ast.expr], ...]
    written: tuple[ast.expr, ...]


def index_functions(tree: ast.Module) -> dict[tuple[str, int], list[FunctionNode]]:
    """All functions but lambdas by ``(co_name, co_firstlineno)``; the first line is that of the first decorator."""
    index: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in statements(tree.body, inside=True):
        if isinstance(node, _FUNCTIONS):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            index.setdefault((node.name, first), []).append(node)
    return index


def index_lambdas(tree: ast.Module) -> dict[tuple[str, int], list[FunctionNode]]:
    """All lambdas by ``("<lambda>", line)``."""
    index: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            index.setdefault(("<lambda>", node.lineno), []).append(node)
    return index


def statements(body: Sequence[Any], *, inside: bool) -> Iterator[ast.stmt]:
    """Statements of a body and of the blocks in it.

    Arguments:
        inside: whether to enter functions and classes too.
    """
    for node in body:
        yield node
        if inside or not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                below = getattr(node, name, None)
                if isinstance(below, list):
                    yield from statements(below, inside=inside)


def function_syntax(nodes: Iterable[FunctionNode], global_names: Iterable[str]) -> Syntax:
    """Reads a function; of several nodes (lambdas of one line that cannot be told apart) everything counts.

    The function's own decorators are left out: what they do shows in the object that the name is bound to.

    Arguments:
        global_names: the names that the compiled code looks up outside itself.
    """
    reader = _Reader()
    for node in nodes:
        if isinstance(node, ast.Lambda):
            reader.write(node)
        else:
            reader.function(node, decorators=False)
    return reader.syntax(frozenset(global_names))


def decoration_syntax(nodes: Iterable[FunctionNode]) -> Syntax:
    """Reads what a library's decorator is given to work with: the decorators' own text, and the annotations."""
    reader = _Reader()
    for node in nodes:
        if not isinstance(node, ast.Lambda):
            reader.write(node.decorator_list)
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            more = [one for one in (node.args.vararg, node.args.kwarg) if one is not None]
            reader.write([one.annotation for one in (*given, *more) if one.annotation is not None])
            reader.write([node.returns] if node.returns is not None else [])
    return reader.syntax(None)


def class_syntax(node: ast.ClassDef) -> Syntax:
    """Reads a class without its methods, which are read as functions of their own."""
    reader = _Reader()
    reader.text(node.name)
    reader.write([*node.bases, *node.keywords, *node.decorator_list])
    body = _without_docstring(node.body)
    reader.body([one for one in body if not isinstance(one, _FUNCTIONS)], in_class=True)
    for name in sorted(one.name for one in body if isinstance(one, _FUNCTIONS)):
        reader.text(name)
    return reader.syntax(None)


def module_syntax(tree: ast.Module) -> Syntax:
    """Reads a whole module."""
    reader = _Reader()
    reader.body(_without_docstring(tree.body))
    return reader.syntax(None)


def chain_of(node: ast.AST) -> Chain | None:
    """The dotted name that an expression is, None if it is something else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(parts))


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that mean something."""
    known = _FIELDS.get(kind)
    if known is None:
        known = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _INERT_FIELDS)
    return known


class _Reader:
    """Writes the canonical form and collects names, in one walk over the tree.

    Every text stands with its length and every list with its number of items, so that no two trees give the same.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chains: set[Chain] = set()
        self._imports: set[tuple[str, str, str]] = set()
        self._calls: list[tuple[Chain, ast.expr | None]] = []
        self._attributes: set[str] = set()
        self._stored: Counter[str] = Counter()
        self._assigned: dict[str, ast.expr] = {}
        self._written: list[ast.expr] = []

    def syntax(self, global_names: frozenset[str] | None) -> Syntax:
        """What was read; of the chains those that begin with a global name, or with one imported inside."""
        imported = {name for name, _, _ in self._imports}
        chains = self._chains
        if global_names is not None:
            chains = {chain for chain in chains if chain[0] in global_names or chain[0] in imported}
        hashed = sha256("".join(self._pieces).encode("utf-8", "surrogatepass")).hexdigest()
        return Syntax(
            hashed,
            tuple(sorted(chains)),
            tuple(sorted(self._imports)),
            tuple(self._calls),
            frozenset(self._attributes),
            tuple((name, value) for name, value in self._assigned.items() if self._stored[name] == 1),
            tuple(self._written),
        )

    def text(self, text: str) -> None:
        """Writes a text with its length."""
        self._pieces.append(f"{len(text)}:{text}")

    def body(self, body: Sequence[ast.stmt], *, in_class: bool = False) -> None:
        """Writes statements; an empty body is a ``pass``."""
        kept = body if in_class else [one for one in body if not _is_bare_annotation(one)]
        self._pieces.append(f"[{len(kept) or 1}")
        if not kept:
            self._pieces.append("(Pass)")
        for one in kept:
            self.write(one, in_class=in_class)
        self._pieces.append("]")

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *, decorators: bool = True) -> None:
        """Writes a function without docstring and annotations."""
        self._pieces.append(f"({type(node).__name__} ")
        self.text(node.name)
        self.write(node.args)
        if decorators:
            self.write(node.decorator_list)
        self.body(_without_docstring(node.body))
        self._pieces.append(")")

    def write(self, node: Any, *, in_class: bool = False) -> None:
        """Writes anything that stands in a tree."""
        if isinstance(node, list):
            self._pieces.append(f"[{len(node)}")
            for item in node:
                self.write(item, in_class=in_class)
            self._pieces.append("]")
        elif not isinstance(node, ast.AST):
            self.text(f"{type(node).__name__} {node!r}")
        elif isinstance(node, ast.Name | ast.Attribute):
            self._name(node)
        elif isinstance(node, ast.Constant):
            self.text(f"{type(node.value).__name__} {node.value!r}")
        elif isinstance(node, _FUNCTIONS):
            self.function(node)
        elif isinstance(node, ast.AnnAssign) and not in_class:
            self.write(ast.Assign(targets=[node.target], value=node.value or ast.Constant(None)))
        else:
            self._look(node)
            self._generic(node, in_class)

    def _generic(self, node: ast.AST, in_class: bool) -> None:
        self._pieces.append(f"({type(node).__name__}")
        is_class = isinstance(node, ast.ClassDef)
        for name in _fields(type(node)):
            value = getattr(node, name, None)
            if value is None or value == [] or (name == "annotation" and isinstance(node, ast.arg)):
                continue
            self._pieces.append(f" {name}=")
            if name in ("body", "orelse", "finalbody") and isinstance(value, list):
                # Annotations of a class body count: dataclasses and pydantic read them.
                below = is_class or (in_class and isinstance(node, _BLOCKS))
                self.body(_without_docstring(value) if is_class else value, in_class=below)
            else:
                self.write(value)
        self._pieces.append(")")

    def _name(self, node: ast.Name | ast.Attribute) -> None:
        chain = chain_of(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self._stored[node.id] += 1
        if chain is None:
            if isinstance(node, ast.Attribute):
                self._attributes.add(node.attr)
            self._generic(node, False)
        else:
            self._attributes.update(chain[1:])
            self._chains.add(chain)
            self._pieces.append(f"({'.'.join(chain)})")

    def _look(self, node: ast.AST) -> None:
        """Collects what calls, subscripts, comparisons, assignments and imports say."""
        if isinstance(node, ast.Call):
            self._written.extend(_written(node))
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if not _opens_to_write(node) or _opens_a_variable(node):
                self._remember(node.func, given[0] if given else None)
            if not _opens_to_write(node):
                if isinstance(node.func, ast.Attribute) and node.func.attr in PATH_READS:
                    self._calls.append(((CALLED, node.func.attr), node.func.value))
                elif isinstance(node.func, ast.Attribute) and node.func.attr in PATH_LISTS:
                    self._calls.append(((CALLED, node.func.attr), _listed(node.func.value, node.func.attr, given)))
        elif isinstance(node, ast.arg):
            self._stored[node.arg] += 1
        elif isinstance(node, ast.Assign):
            self._assigned.update((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.Subscript):
            self._remember(node.value, node.slice, () if isinstance(node.ctx, ast.Load) else (STORED,))
        elif isinstance(node, ast.Compare):
            if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
                self._remember(node.comparators[0], node.left)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._imports.add((name, alias.name if alias.asname else name, ""))
                if not alias.asname and "." in alias.name:
                    self._imports.add((alias.name, alias.name, ""))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._imports.add((alias.asname or alias.name, "." * node.level + (node.module or ""), alias.name))

    def _remember(self, target: ast.AST, argument: ast.expr | None, rest: Chain = ()) -> None:
        chain = chain_of(target)
        if chain is not None:
            self._calls.append(((*chain, *rest), argument))


def _listed(path: ast.expr, method: str, patterns: list[ast.expr]) -> ast.expr:
    """What a path lists, as a path with a pattern in it."""
    below: list[ast.expr] = [ast.Constant("**"), *patterns] if method == "rglob" else patterns
    for part in below[:2]:
        path = ast.BinOp(path, ast.Div(), part)
    return path


def _opens_to_write(node: ast.Call) -> bool:
    """Whether a call is ``open`` in a mode that writes, or in one that is not plain to see."""
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
    elif isinstance(node.func, ast.Name):
        name = node.func.id
    else:
        return False
    if name not in _OPENS:
        return False
    modes = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    if name == "open" and isinstance(node.func, ast.Attribute) and not any(_is_text(one) for one in modes):
        modes += node.args[:1]
    return any(not isinstance(one, ast.Constant) or _writes(str(one.value)) for one in modes)


def _opens_a_variable(node: ast.Call) -> bool:
    """Whether a call is ``x.open(y)``: of a path in a mode that is not plain to see, or of a library with a path."""
    alone = len(node.args) == 1 and not any(keyword.arg == "mode" for keyword in node.keywords)
    return alone and isinstance(node.func, ast.Attribute) and not isinstance(node.args[0], ast.Constant)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _written(node: ast.Call) -> list[ast.expr]:
    """What may be the path of a file that a call writes."""
    method = node.func if isinstance(node.func, ast.Attribute) else None
    if _opens_to_write(node):
        return [*([] if _opens_a_variable(node) else node.args[:1]), *([] if method is None else [method.value])]
    if method is not None and method.attr.startswith(("write", "sink_", "to_")):
        return [*node.args[:1], method.value]
    return []


def _writes(mode: str) -> bool:
    """Whether a text is a mode that writes, ``w:gz`` of archives too, and no file, as in ``io.open("rates.csv")``."""
    letters = {*re.split("[:|]", mode, maxsplit=1)[0]}
    return letters <= {*"rwaxbt+"} and not letters.isdisjoint("wax+")


def _is_bare_annotation(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is None
