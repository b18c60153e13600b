"""The walk from one function to everything that its source reaches."""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import os
import re
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeAlias

import polars as pl

from assets_core.digest import digest
from assets_core.errors import LineageError, message_of
from assets_core.signature import resolve
from lineage.code_constants import constant
from lineage.code_modules import UNCOUNTED, distribution_of, imported
from lineage.code_namespaces import namespaces
from lineage.code_objects import (
    MISSING,
    cells,
    code_digest,
    defaults,
    is_generated,
    is_loaded,
    made_up,
    outer_names,
    resolved,
    underlying,
    values_of_fields,
)
from lineage.code_outside import Outside
from lineage.code_sources import SourceCache, is_own_module
from lineage.code_syntax import Chain, Syntax, class_syntax, decoration_syntax, function_syntax, module_syntax
from lineage.code_values import CODE, FUNCTIONS, register_loaded, shown, value_digest

Fields: TypeAlias = tuple[str, str, str, str, int, str, str]


_DYNAMIC = frozenset({"eval", "exec", "globals", "__import__"})


class _Read(NamedTuple):
    """One function as it was read: its syntax (None: no text), place and text."""

    syntax: Syntax | None
    digest: str
    line: int
    text: str


class Walk:
    """Walks of many functions of one project, which share what they read.

    Arguments:
        root: the folder that file names are relative to.
        cache: the sources as they were imported.
    """

    def __init__(self, root: Path, cache: SourceCache) -> None:
        self.root = root.resolve()
        self.root_texts = tuple({str(self.root), str(root.absolute())})
        self.cache = cache
        self.outside = Outside(root)
        self.values: dict[int, tuple[Any, str, list[Any], list[str]]] = {}
        self._files: dict[str, str] = {}
        register_loaded()

    def read(self, function: Any, also: Iterable[Any]) -> tuple[list[Fields], tuple[str, ...]]:
        """All parts that one function reaches, and the notes."""
        trip = _Trip(self)
        trip.start(function)
        for other in also:
            trip.refer(other)
        trip.run()
        return list(trip.parts.values()), tuple(dict.fromkeys(trip.notes))

    def read_function(self, code: CodeType) -> _Read:
        """The syntax of a code object, read once a cache."""
        known = self.cache.memo.get(id(code))
        if known is not None:
            return known[1]  # type: ignore[no-any-return]  # the memo holds what is put there below
        parsed = self.cache.parsed(code.co_filename)
        nodes = parsed.find(code) if parsed else []
        if parsed and nodes:
            syntax = function_syntax(nodes, outer_names(code))
            text = "\n".join(parsed.segment(node) for node in nodes)
            read = _Read(syntax, syntax.digest, code.co_firstlineno, text)
        else:
            read = _Read(None, code_digest(code), code.co_firstlineno, "")
        self.cache.memo[id(code)] = (code, read)
        return read

    def relative(self, filename: str) -> str:
        """The file relative to the project, or its bare name if it lies elsewhere."""
        if filename not in self._files:
            path = Path(filename)
            resolved = path.resolve()
            inside = resolved.is_relative_to(self.root)
            self._files[filename] = resolved.relative_to(self.root).as_posix() if inside else path.name
        return self._files[filename]


class _Trip:
    """One walk: a queue of functions, classes and modules to be read, and the parts that came of them."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.parts: dict[tuple[str, str], Fields] = {}
        self.notes: list[str] = []
        self._queue: deque[tuple[Callable[[Any, str], None], Any, str]] = deque()
        self._references: dict[int, tuple[Any, str]] = {}
        self._taken: dict[str, int] = {}
        self._found: list[Any] | None = None
        self._classes: list[type] = []
        self._asks_for_subclasses = False

    def start(self, function: Any) -> None:
        """Begins with the asset's own function, of whose annotations the project's classes count."""
        reference = self.refer(function)
        if not isinstance(function, FunctionType):
            self._part("name", "the asset's function", digest(reference))
        inner = inspect.unwrap(function)
        for annotation in getattr(inner, "__annotations__", {}).values():
            value = resolve(inner, annotation)
            if isinstance(value, type) and self._is_own(value.__module__):
                self.refer(value)

    def run(self) -> None:
        """Reads what is queued until nothing new turns up."""
        while self._queue:
            read, value, name = self._queue.popleft()
            try:
                read(value, name)
            except Exception as error:  # noqa: BLE001 - objects of the project may raise anything when looked at
                self.note(f"{name} cannot be read whole: {type(error).__name__}: {message_of(error)}")
                self.parts.setdefault(("function", name), ("function", name, digest(name), "", 0, "", ""))

    def portable(self, text: str) -> str:
        """Paths inside the project relative to it, any other text as it is: a checkout may be moved."""
        for root in self.walk.root_texts:
            if text.startswith(root) and text[len(root) : len(root) + 1] in ("", os.sep):
                return f"\0project{text[len(root) :].replace(os.sep, '/')}"
            if root in text and root != os.sep:
                text = re.sub(rf"{re.escape(root)}(?=$|[^\w.-])", "\0project", text)
        return text

    def note(self, text: str) -> None:
        """Keeps a sentence about what could not be captured."""
        self.notes.append(text)

    def scanned(self, plan: pl.LazyFrame) -> list[tuple[str, str]]:
        """The files that a plan scans, each with the digest of its bytes."""
        from lineage.columns.plan import read_plan  # large, and few values hold plans

        try:
            names = read_plan(plan, {}).undeclared
        except LineageError:
            return []
        files = [self.walk.outside.file(name)[1:] for name in names]
        for name, _ in files:
            self.note(
                f"a plan that is held by a value scans {name}, which is none of the inputs: declare it as a source"
            )
        return files

    # -- references: what stands for a piece of code in the digest of whatever names it

    def refer(self, value: Any) -> str:
        """Queues a function, class or module, and returns its name in this walk."""
        known = self._references.get(id(value))
        if self._found is not None:
            self._found.append(value)
        if known is not None:
            return known[1]
        if isinstance(value, FunctionType):
            return self._refer_function(value)
        if isinstance(value, type):
            return self._refer_to(value, value.__module__, value.__qualname__, "class", self._class)
        if isinstance(value, ModuleType):
            return self._refer_to(value, value.__name__, "", "module", self._module)
        if isinstance(value, types.MethodType):
            return f"{self.refer(value.__func__)} of {value_digest(value.__self__, self)}"
        if isinstance(value, functools._lru_cache_wrapper):
            return self.refer(value.__wrapped__)
        if isinstance(value, types.BuiltinFunctionType | types.MethodDescriptorType):
            return self._refer_builtin(value)
        return f"{self.refer(type(value))} {value_digest(value, self)}"

    def _refer_function(self, function: FunctionType) -> str:
        module = str(function.__globals__.get("__name__", ""))
        if self._is_own_code(function):
            return self._queued(function, f"{module}.{function.__qualname__}", "function", self._function)
        reference = f"function {module}.{function.__qualname__}"
        self._references[id(function)] = (function, reference)
        self._distribution(module)
        # A wrapper from a library: the code that it holds is followed, and plain settings count.
        wrapped = getattr(function, "__wrapped__", None)
        held = [wrapped] if isinstance(wrapped, FUNCTIONS) else []
        held.extend(one for one in cells(function).values() if isinstance(one, FunctionType) and self._is_own_code(one))
        inner = [self.refer(one) for one in dict.fromkeys(held)]
        if held:
            inner.extend(
                repr(value) for value in cells(function).values() if isinstance(value, bool | int | float | str)
            )
        if module.partition(".")[0] not in sys.stdlib_module_names:
            self._queue.extend((self._decoration, one, one.__qualname__) for one in held if self._is_own_code(one))
        registry = getattr(function, "registry", None)
        if isinstance(registry, Mapping):
            inner.extend(f"{self.refer(kind)}: {self.refer(one)}" for kind, one in registry.items())
        reference = " ".join([reference, *inner])
        self._references[id(function)] = (function, reference)
        return reference

    def _refer_builtin(self, value: types.BuiltinFunctionType | types.MethodDescriptorType) -> str:
        owner = getattr(value, "__self__", None) or getattr(value, "__objclass__", None)
        module = getattr(value, "__module__", None) or (owner.__name__ if isinstance(owner, ModuleType) else "")
        self._distribution(module)
        reference = f"builtin {module}.{value.__qualname__}"
        if owner is None or isinstance(owner, ModuleType | type):
            return reference
        return f"{reference} of {value_digest(owner, self)}"

    def _refer_to(self, value: Any, module: str, name: str, kind: str, read: Callable[[Any, str], None]) -> str:
        full = f"{module}.{name}" if name else module
        if self._is_own(module):
            return self._queued(value, full, kind, read)
        self._distribution(module)
        self._references[id(value)] = (value, f"{kind} {full}")
        return f"{kind} {full}"

    def _queued(self, value: Any, name: str, kind: str, read: Callable[[Any, str], None]) -> str:
        self._taken[name] = count = self._taken.get(name, 0) + 1
        unique = name if count == 1 else f"{name}#{count}"
        self._references[id(value)] = (value, f"{kind} {unique}")
        self._queue.append((read, value, unique))
        return f"{kind} {unique}"

    # -- reading what is queued

    def _function(self, function: FunctionType, name: str) -> None:
        code = function.__code__
        read = self.walk.read_function(code)
        file = self.walk.relative(code.co_filename)
        self._part("function", name, read.digest, file, read.line, text=read.text)
        for argument, value in defaults(function):
            self._part("default", f"{name}.{argument}", self._value(value), shown=shown(argument, value))
        for variable, value in cells(function).items():
            self._part("closure", f"{name}.{variable}", self._value(value), shown=shown(variable, value))
        for attribute, value in function.__dict__.items():
            self._part("value", f"{name}.{attribute}", self._value(value), shown=shown(attribute, value))
        module = str(function.__globals__.get("__name__", ""))
        if read.syntax is None:
            self.note(f"the source of {name} cannot be read as it was imported: its compiled code stands for it")
            for one in sorted(outer_names(code)):
                self._name((one,), function.__globals__, module)
            return
        self._names(read.syntax, function.__globals__, module, name)

    def _decoration(self, function: FunctionType, name: str) -> None:
        """What stands around a function that a library wraps: its arguments there, and types that it may enforce."""
        code, module = function.__code__, str(function.__globals__.get("__name__", ""))
        parsed = self.walk.cache.parsed(code.co_filename)
        nodes = parsed.find(code) if parsed else []
        if nodes:
            syntax = decoration_syntax(nodes)
            self._part(
                "function", f"{module}.{name}@", syntax.digest, self.walk.relative(code.co_filename), nodes[0].lineno
            )
            self._names(syntax, function.__globals__, module, name, quiet=True)

    def _class(self, cls: type, name: str) -> None:
        module = sys.modules.get(cls.__module__)
        file = getattr(module, "__file__", None) or ""
        parsed = self.walk.cache.parsed(file) if file else None
        node = parsed.find_class(cls.__qualname__) if parsed else None
        if parsed and node is not None:
            syntax = class_syntax(node)
            self._part("class", name, syntax.digest, self.walk.relative(file), node.lineno, text=parsed.segment(node))
            self._names(syntax, vars(module), cls.__module__, name, quiet=True)
        else:
            fields = {key: str(value) for key, value in inspect.get_annotations(cls).items()}
            self._part("class", name, digest(cls.__qualname__, list(fields.items())))
        self._classes.append(cls)
        if self._asks_for_subclasses:
            self._subclasses(cls)
        for base in (*cls.__bases__, type(cls)):
            self._part("name", f"{name}<{base.__qualname__}", digest(self.refer(base)))
        for attribute, value in cls.__dict__.items():
            self._attribute(cls, attribute, value, name)
        for field, value in values_of_fields(cls):
            self._part("value", f"{name}.{field}", self._value(value), shown=shown(field, value))

    def _subclasses(self, cls: type) -> None:
        subclasses: list[type] = type.__subclasses__(cls)  # of a metaclass too, which has this method for others
        for one in subclasses:
            if is_loaded(one):
                self._part("name", f"{cls.__qualname__}>{one.__module__}.{one.__qualname__}", digest(self.refer(one)))

    def _attribute(self, cls: type, attribute: str, value: Any, name: str) -> None:
        inner = underlying(value)
        if inner is not None:
            for one in inner:
                # Methods that dataclasses and their like generate follow from the class's text.
                if attribute.startswith("__") and made_up(one):
                    continue
                reference = self.refer(one)
                if not isinstance(one, FunctionType):  # the object that a decorator left in the function's place
                    self._part("value", f"{name}.{attribute}", digest(reference))
        elif not is_generated(cls, attribute, value):
            self._part("value", f"{name}.{attribute}", self._value(value), shown=shown(attribute, value))

    def _module(self, module: ModuleType, name: str) -> None:
        file = getattr(module, "__file__", None) or ""
        parsed = self.walk.cache.parsed(file) if file else None
        if parsed is None:
            self._part("module", name, digest(name))
            self.note(f"the source of module {name} cannot be read")
            return
        syntax = module_syntax(parsed.tree)
        self._part("module", name, syntax.digest, self.walk.relative(file), 1)
        self._names(syntax, vars(module), name, name, quiet=True)
        for key, value in list(vars(module).items()):
            # Modules below a package are its parts; any other is followed from where it is named.
            part = not isinstance(value, ModuleType) or value.__name__.startswith(f"{name}.")
            if part and not key.startswith("__"):
                self._bound(value, name, key, vars(module))

    # -- names

    def _names(self, syntax: Syntax, scope: Mapping[str, Any], module: str, owner: str, *, quiet: bool = False) -> None:
        inside = {bound: (source, attribute) for bound, source, attribute in syntax.imports}
        local = {
            bound: imported(source, attribute, scope.get("__package__") or module.rpartition(".")[0])
            for bound, (source, attribute) in inside.items()
        }
        for chain in syntax.chains:
            if chain[0] in local:
                self._imported(chain, local[chain[0]], inside[chain[0]], module)
            elif chain[0] in scope:
                self._name(chain, scope, module)
            elif not quiet and not hasattr(builtins, chain[0]):
                self.note(f"{owner} names {chain[0]}, which is not defined")
        if "__subclasses__" in syntax.attributes and not self._asks_for_subclasses:
            self._asks_for_subclasses = True
            for cls in self._classes:
                self._subclasses(cls)
        for attribute, namespace in namespaces(syntax.attributes):
            self._part("name", f"{owner}.{attribute} of {namespace.__qualname__}", digest(self.refer(namespace)))
        everything = {**scope, **local} if local else scope
        self._outside(syntax, everything, owner)
        self._dynamic(syntax, everything, owner)

    def _imported(self, chain: Chain, value: Any, source: tuple[str, str], module: str) -> None:
        if value is None:
            self._distribution(source[0])
        else:
            self._name(chain, {chain[0]: value}, module)

    def _name(self, chain: Chain, scope: Mapping[str, Any], module: str) -> None:
        value = scope.get(chain[0], MISSING)
        if value is MISSING:
            return
        container, key, rest = module, chain[0], chain[1:]
        while isinstance(value, ModuleType) and rest:
            if not self._is_own(value.__name__):
                # The chain itself is in the syntax; the module that its first name stands for is what may differ.
                self._part("name", f"{container}.{key}", digest(self.refer(value)))
                return
            container, key, rest, value = value.__name__, rest[0], rest[1:], getattr(value, rest[0], MISSING)
        if value is MISSING:
            self.note(f"{container} has no {key}")
        else:
            self._bound(value, container, key, scope)

    def _bound(self, value: Any, module: str, key: str, scope: Mapping[str, Any]) -> None:
        """What a global name is bound to: followed if it is code, taken by value if it is data."""
        if value is os.environ:
            return
        if isinstance(value, CODE):
            self._part("name", f"{module}.{key}", digest(self.refer(value)))
            return
        source = sys.modules.get(module)
        file = getattr(source, "__file__", None)
        where = self.walk.relative(file) if file else ""
        self._part("value", f"{module}.{key}", self._value(value), where, shown=shown(key, value))

    def _dynamic(self, syntax: Syntax, scope: Mapping[str, Any], owner: str) -> None:
        """Modules got by a name that stands in the code are followed; code that is made at run time is noted."""
        for chain, argument in syntax.calls:
            value, rest = resolved(chain, scope)
            if value is MISSING and len(chain) == 1 and chain[0] in _DYNAMIC and hasattr(builtins, chain[0]):
                self.note(f"{owner} calls {chain[0]}: what that reaches is not captured")
            elif (value is importlib.import_module and not rest) or (value is sys.modules and rest in ((), ("get",))):
                self._named_module(constant(argument, scope), str(scope.get("__package__") or ""), owner)

    def _named_module(self, name: Any, package: str, owner: str) -> None:
        module = imported(name, "", package) if isinstance(name, str) else None
        if isinstance(module, ModuleType):
            self._part("name", f"{owner}:{name}", digest(self.refer(module)))
        elif isinstance(name, str) and not name.startswith("."):
            self._distribution(name)
        else:
            self.note(f"{owner} imports a module whose name is computed")

    def _outside(self, syntax: Syntax, scope: Mapping[str, Any], owner: str) -> None:
        for kind, name, hashed in self.walk.outside.read(syntax, scope, owner, self.note):
            self._part(kind, name, hashed)

    # -- values and distributions

    def _value(self, value: Any) -> str:
        """The digest of a value; what was encoded once is believed for the life of the walk's owner."""
        known = self.walk.values.get(id(value))
        if known is not None and known[0] is value:
            for one in known[2]:
                self.refer(one)
            self.notes.extend(known[3])
            return known[1]
        outer, self._found, noted = self._found, [], len(self.notes)
        try:
            made = value_digest(value, self)
            found = self._found
        finally:
            self._found = outer
        if outer is not None:
            outer.extend(found)
        self.walk.values[id(value)] = (value, made, found, self.notes[noted:])
        return made

    def _distribution(self, module: str) -> None:
        top = module.partition(".")[0]
        if not top or top in UNCOUNTED or top in sys.stdlib_module_names:
            return
        name, version = distribution_of(top)
        if version:
            self._part("distribution", name, digest(version), shown=version)
        else:
            self.note(f"the version of {top} is not known")

    def _is_own_code(self, function: Any) -> bool:
        module = str(getattr(function, "__globals__", {}).get("__name__", ""))
        return isinstance(function, FunctionType) and is_own_module(module, function.__code__.co_filename)

    def _is_own(self, module: str) -> bool:
        loaded = sys.modules.get(module)
        # A package without __init__ has no file, but a path.
        place = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), "")
        return is_own_module(module, place)

    def _part(
        self, kind: str, name: str, hashed: str, file: str = "", line: int = 0, *, shown: str = "", text: str = ""
    ) -> None:
        self.parts[(kind, name)] = (kind, name, hashed, file, line, shown, text)
