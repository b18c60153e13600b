"""Reading a function's parameters without evaluating annotations that cannot be evaluated."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from assets_core.asset import Form, Parameter
from assets_core.errors import DefinitionError

_FORMS = {"LazyFrame": Form.LAZY, "Table": Form.ARROW, "Path": Form.PATH}
_MISSING = object()
T = TypeVar("T")


def parameters_of(function: Callable[..., Any], where: str) -> tuple[Parameter, ...]:
    """The parameters of an asset's function, each with what its annotation says.

    Raises:
        DefinitionError: HW102, the function takes ``*args``, ``**kwargs`` or positional-only parameters;
            HW103, it is no function written in Python; HW138, an annotation asks for what no input is given as.
    """
    target: Any = inspect.unwrap(function)
    if not inspect.isfunction(target):
        raise DefinitionError(
            "HW103", f"{function!r} is no function", where=where, hint="wrap it in a function of its own: def ..."
        )
    code = target.__code__
    starred = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    if starred or code.co_posonlyargcount:
        raise DefinitionError(
            "HW102",
            f"the function {function.__qualname__} takes *args, **kwargs or positional-only parameters",
            where=where,
            hint="name every input as a parameter of its own",
        )
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = target.__defaults__ or ()
    optional = {*names[code.co_argcount - len(defaults) : code.co_argcount], *(target.__kwdefaults__ or ())}
    annotations = target.__annotations__
    try:
        return tuple(_parameter(function, name, annotations.get(name), name in optional) for name in names)
    except DefinitionError as error:
        error.where = where
        raise


def form_of_result(function: Callable[..., Any]) -> Form:
    """The form that the return annotation promises."""
    target = inspect.unwrap(function)
    annotation = target.__annotations__.get("return")
    return _form(annotation, resolve(target, annotation))


def resolve(function: Callable[..., Any], annotation: Any) -> Any:
    """The object an annotation names; the annotation itself if it is none or cannot be found.

    Text is looked up name by name in the function's closure, in the function that is just defining it and in its
    globals, never evaluated.
    """
    if not isinstance(annotation, str):
        return annotation
    first, *rest = annotation.strip("\"' ").split(".")
    closure: Any = inspect.unwrap(function)
    cells = dict(zip(closure.__code__.co_freevars, closure.__closure__ or (), strict=False))
    found = _cell(cells[first]) if first in cells else _MISSING
    if found is _MISSING and "<locals>" in closure.__qualname__:
        found = _locals_around(closure.__code__).get(first, _MISSING)
    if found is _MISSING:
        found = closure.__globals__.get(first, getattr(builtins, first, _MISSING))
    for name in rest:
        found = getattr(found, name, _MISSING)
    return annotation if found is _MISSING else found


def _locals_around(code: CodeType) -> Mapping[str, Any]:
    """The variables of the function that defines the one with this code, if it is running: decorators are called there.

    An annotation kept as text makes no closure cell for the local class that it names.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if any(constant is code for constant in frame.f_code.co_consts):
            return frame.f_locals
        frame = frame.f_back
    return {}


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _parameter(function: Callable[..., Any], name: str, annotation: Any, default: bool) -> Parameter:
    annotation = _text_alone(annotation) if isinstance(annotation, str) else _alone(annotation)
    found = resolve(function, annotation)
    if isinstance(found, type):
        settings: Any = sys.modules.get("assets_core.settings")  # nobody can have derived from a class not yet loaded
        if settings is not None and issubclass(found, settings.Config):
            return Parameter(name, config=found, default=default)
        if settings is not None and issubclass(found, settings.Resource):
            return Parameter(name, resource=found, default=default)
    if _last_name(annotation, found) == "Context":
        return Parameter(name, context=True, default=default)
    form = _form(annotation, found)
    if form is Form.UNKNOWN and not default and not _may_be_anything(found):
        raise DefinitionError(
            "HW138",
            f"the parameter {name} is annotated as {found.__qualname__}, and no input is given as that",
            hint="annotate it as pl.LazyFrame, pl.DataFrame, pandas.DataFrame or pyarrow.Table; "
            "settings derive from Config, clients from Resource",
        )
    return Parameter(name, form, default=default)


def _may_be_anything(found: Any) -> bool:
    """Whether what an annotation names may well be a lazy frame: it is not known, or says nothing."""
    return not isinstance(found, type) or found in (object, Any) or getattr(found, "_is_protocol", False)


def _alone(annotation: Any) -> Any:
    """An annotation without what says nothing of the form: None beside it, and what stands in its brackets."""
    if annotation is None or isinstance(annotation, type):
        return annotation
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alone(annotation.__origin__)
    if origin is UnionType or origin is Union:
        return _only([one for one in get_args(annotation) if one is not type(None)], annotation, _alone)
    return annotation if origin is None else origin


def _text_alone(annotation: str) -> str:
    """The same of an annotation that is text."""
    if "|" not in annotation and "[" not in annotation:
        return annotation
    try:
        return ast.unparse(_node_alone(ast.parse(annotation.strip("\"' "), mode="eval").body))
    except SyntaxError:
        return annotation


def _node_alone(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.BinOp):
        return _only([one for one in (node.left, node.right) if not _is_none(one)], node, _node_alone)
    if isinstance(node, ast.Subscript):
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        around = ast.unparse(node.value).rpartition(".")[2]
        if around == "Annotated":
            return _node_alone(inside[0])
        if around in ("Optional", "Union"):
            return _only([one for one in inside if not _is_none(one)], node, _node_alone)
        return node.value
    return node


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _only(several: Sequence[T], whole: T, read: Callable[[T], T]) -> T:
    return read(several[0]) if len(several) == 1 else whole


def _form(annotation: Any, found: Any) -> Form:
    if annotation is None:
        return Form.UNKNOWN
    for kind in found.__mro__ if isinstance(found, type) else (found,):
        name = _last_name(annotation, kind)
        if name == "DataFrame":
            module = "" if isinstance(kind, str) else getattr(kind, "__module__", "")
            text = annotation.strip("\"' ") if isinstance(annotation, str) else ""
            pandas = module.startswith("pandas") or text.startswith(("pd.", "pandas."))
            return Form.PANDAS if pandas else Form.FRAME
        if name in _FORMS:
            return _FORMS[name]
    return Form.UNKNOWN


def _last_name(annotation: Any, found: Any) -> str:
    if isinstance(found, type):
        return found.__name__
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(text).strip("\"' ").rsplit(".", 1)[-1]
