"""Reading a function's parameters without evaluating annotations that cannot be evaluated."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

from assets_core.asset import Form, Parameter
from assets_core.errors import DefinitionError

_FORMS = {"LazyFrame": Form.LAZY, "Table": Form.ARROW, "Path": Form.PATH}
_MISSING = object()


def parameters_of(function: Callable[..., Any], where: str) -> tuple[Parameter, ...]:
    """The parameters of an asset's function, each with what its annotation says.

    Raises:
        DefinitionError: HW102, the function takes ``*args``, ``**kwargs`` or positional-only parameters;
            HW103, it is no function written in Python.
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
    return tuple(_parameter(function, name, annotations.get(name), name in optional) for name in names)


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
        found = closure.__globals__.get(first, _MISSING)
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
    found = resolve(function, annotation)
    if isinstance(found, type):
        settings: Any = sys.modules.get("assets_core.settings")  # nobody can have derived from a class not yet loaded
        if settings is not None and issubclass(found, settings.Config):
            return Parameter(name, config=found, default=default)
        if settings is not None and issubclass(found, settings.Resource):
            return Parameter(name, resource=found, default=default)
    if _last_name(annotation, found) == "Context":
        return Parameter(name, context=True, default=default)
    return Parameter(name, _form(annotation, found), default=default)


def _form(annotation: Any, found: Any) -> Form:
    if annotation is None:
        return Form.UNKNOWN
    name = _last_name(annotation, found)
    if name == "DataFrame":
        module = getattr(found, "__module__", "") if not isinstance(found, str) else ""
        text = annotation.strip("\"' ") if isinstance(annotation, str) else ""
        pandas = module.startswith("pandas") or text.startswith(("pd.", "pandas."))
        return Form.PANDAS if pandas else Form.FRAME
    return _FORMS.get(name, Form.UNKNOWN)


def _last_name(annotation: Any, found: Any) -> str:
    if isinstance(found, type):
        return found.__name__
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(text).strip("\"' ").rsplit(".", 1)[-1]
