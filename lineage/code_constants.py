"""What an expression in the code stands for, where that can be told without running it."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from lineage.code_modules import imported
from lineage.code_objects import MISSING, resolved
from lineage.code_syntax import chain_of

_JOINS = (Path, PurePath, os.path.join, os.path.dirname, os.path.abspath, os.path.realpath, os.fspath, str)
_PATH_METHODS = frozenset(("absolute", "joinpath", "resolve", "with_name", "with_suffix"))
_PATH_PARTS = frozenset(("name", "parent", "stem", "suffix"))


def constant(node: ast.AST | None, scope: Mapping[str, Any]) -> Any:
    """The value of an expression made of literals, globals, and texts and paths that are joined.

    Returns:
        None for any other expression.
    """
    try:
        value = _value(node, scope)
    except Exception:  # noqa: BLE001 - objects of the project may raise anything when looked at
        return None
    return None if value is MISSING else value


def _value(node: ast.AST | None, scope: Mapping[str, Any]) -> Any:
    kind = _KINDS.get(type(node))
    return MISSING if kind is None else kind(node, scope)


def _known(nodes: list[Any], scope: Mapping[str, Any]) -> list[Any] | None:
    """The values of several expressions; None unless all are known."""
    values = [_value(node, scope) for node in nodes]
    return None if any(value is MISSING for value in values) else values


def _name(node: ast.Name | ast.Attribute, scope: Mapping[str, Any]) -> Any:
    chain = chain_of(node)
    if chain is not None:
        value, rest = resolved(chain, scope)
        if not rest:
            return value
    if isinstance(node, ast.Attribute) and node.attr in _PATH_PARTS:
        path = _value(node.value, scope)
        if isinstance(path, PurePath):
            return getattr(path, node.attr)
    return MISSING


def _operation(node: ast.BinOp, scope: Mapping[str, Any]) -> Any:
    values = _known([node.left, node.right], scope)
    if values and isinstance(node.op, ast.Div) and any(isinstance(one, PurePath) for one in values):
        return values[0] / values[1]
    if values and isinstance(node.op, ast.Add) and all(isinstance(one, str) for one in values):
        return values[0] + values[1]
    return MISSING


def _text(node: ast.JoinedStr, scope: Mapping[str, Any]) -> Any:
    if any(isinstance(one, ast.FormattedValue) and (one.format_spec or one.conversion != -1) for one in node.values):
        return MISSING
    parts = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values]
    values = _known(parts, scope)
    if values is None or not all(isinstance(one, str | int | PurePath) for one in values):
        return MISSING
    return "".join(map(str, values))


def _item(node: ast.Subscript, scope: Mapping[str, Any]) -> Any:
    values = _known([node.value, node.slice], scope)
    return values[0][values[1]] if values and type(values[0]) in (dict, list, tuple) else MISSING


def _call(node: ast.Call, scope: Mapping[str, Any]) -> Any:
    arguments = _known(node.args, scope)
    if arguments is None or node.keywords:
        return MISSING
    called = str if isinstance(node.func, ast.Name) and node.func.id == "str" else _value(node.func, scope)
    resources = sys.modules.get("importlib.resources")
    if resources is not None and called is resources.files and len(arguments) == 1:
        (package,) = arguments
        package = imported(package, "", "") if isinstance(package, str) else package
        return called(package) if isinstance(package, ModuleType) else MISSING
    if any(called is one for one in _JOINS):
        return called(*arguments)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _PATH_METHODS:
        path = _value(node.func.value, scope)
        if isinstance(path, PurePath):
            return getattr(path, node.func.attr)(*arguments)
    return MISSING


_KINDS: dict[type, Callable[[Any, Mapping[str, Any]], Any]] = {
    ast.Constant: lambda node, _: node.value,
    ast.Name: _name,
    ast.Attribute: _name,
    ast.BinOp: _operation,
    ast.JoinedStr: _text,
    ast.Subscript: _item,
    ast.Call: _call,
}
