"""Follows DataFrames through eager code as far as that can be proven, and says where it ends.

An eager method of polars that gives a frame does what the lazy method of the same name does. So a traced frame
carries, beside its data, the plan that the same calls make on a placeholder. Whatever else is done to it, by a
method that is not followed, by another library, by a look at its values or at its height, goes through the one
attribute behind which polars keeps the data. A touch of that attribute ends the tracing of the whole call: from
then on values may go anywhere.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from collections.abc import Mapping
from copy import copy
from typing import Any

import polars as pl

from assets_core.errors import LineageError
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import PlanReading, plan_digest, read_plan

_FOLLOWED_NAMES = """bottom_k cast drop drop_nans drop_nulls explode fill_nan fill_null filter gather_every head join
join_asof join_where limit max mean median min null_count quantile remove rename reverse select select_seq shift slice
sort std sum tail top_k unique unnest unpivot var with_columns with_columns_seq with_row_index"""
FOLLOWED = frozenset(_FOLLOWED_NAMES.split())
"""Methods of DataFrame that do what the methods of LazyFrame of the same name do."""
_AGGREGATION_NAMES = "agg all first last len max mean median min n_unique quantile sum head tail"
AGGREGATIONS = frozenset(_AGGREGATION_NAMES.split())
"""Methods of groups that are followed."""
GROUPING = frozenset(("group_by", "group_by_dynamic", "rolling"))
"""Methods that make groups."""
_PLAIN = (
    *(str, bytes, bool, int, float, type(None), decimal.Decimal),
    *(dt.date, dt.datetime, dt.timedelta, dt.time, pl.DataType, type(pl.Int64)),
)


class Trace:
    """What became of the frames of one call.

    ``escaped`` says by which method values got out of sight, and is empty while none did.
    """

    def __init__(self) -> None:
        self.escaped = ""
        self._schemas: dict[str, dict[str, pl.DataType]] = {}

    def frame(self, name: str, data: pl.DataFrame) -> pl.DataFrame:
        """The data of an input as a frame that is followed."""
        self._schemas[name] = dict(data.schema)
        return _traced(data, placeholder(name, data.schema), self)  # type: ignore[no-any-return]

    def end(self, by: str) -> None:
        """Notes that values got out of sight."""
        self.escaped = self.escaped or by

    def reading(self, result: object) -> PlanReading | None:
        """The reading of what the call did to make its result.

        Arguments:
            result: what the call returned.

        Returns:
            None where it cannot be proven: values got out of sight, or the result is not a frame that was followed.
        """
        if self.escaped or not isinstance(result, _TracedFrame | _TracedLazy) or result._trace is not self:
            return None
        try:
            reading = read_plan(result._plan, self._schemas)
        except LineageError:
            return None
        schema = _hidden(result).collect_schema()
        said = tuple((name, str(dtype)) for name, dtype in schema.items())
        return reading if reading.schema == said else None


def untraced(result: Any) -> Any:
    """The plain frame of a result that was followed; anything else as it is."""
    return _hidden(result) if isinstance(result, _TracedFrame | _TracedLazy) else result


def _hidden(frame: Any) -> Any:
    return frame.__dict__["_data"]


class _TracedFrame(pl.DataFrame):
    """A DataFrame that knows the plan it comes from."""

    _trace: Trace
    _plan: pl.LazyFrame

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """A plain frame: code that makes one by the class of another has only its own data in it."""
        return pl.DataFrame(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._trace.end("pickle")
        return copy, (_hidden(self),)  # the plain frame, wherever it is read again

    @classmethod
    def _from_pydf(cls, py_df: Any) -> pl.DataFrame:
        # Methods that are not followed make plain frames.
        return pl.DataFrame._from_pydf(py_df)

    @property
    def _df(self) -> Any:  # what polars reads is kept out of sight on purpose
        self._trace.end(sys._getframe(1).f_code.co_name)
        return _hidden(self)._df

    @_df.setter
    def _df(self, value: Any) -> None:
        self._trace.end(sys._getframe(1).f_code.co_name)
        _hidden(self)._df = value

    # A schema is no data: all of these are the same whatever the values are.

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(_hidden(self).columns)

    @columns.setter
    def columns(self, names: Any) -> None:
        self._trace.end("columns")
        _hidden(self).columns = names

    @property
    def dtypes(self) -> list[pl.DataType]:
        """The dtypes of the columns."""
        return list(_hidden(self).dtypes)

    @property
    def schema(self) -> pl.Schema:
        """Names and dtypes of the columns."""
        schema: pl.Schema = _hidden(self).schema
        return schema

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(_hidden(self).width)

    def collect_schema(self) -> pl.Schema:
        """Names and dtypes of the columns."""
        return self.schema

    def lazy(self) -> pl.LazyFrame:
        """The frame as a plan, followed on."""
        return _traced(_hidden(self).lazy(), self._plan, self._trace)  # type: ignore[no-any-return]


class _TracedLazy(pl.LazyFrame):
    """A LazyFrame over traced data, with the same plan over placeholders."""

    _trace: Trace
    _plan: pl.LazyFrame

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """A plain frame: code that makes one by the class of another has only its own data in it."""
        return pl.LazyFrame(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._trace.end("pickle")
        return copy, (_hidden(self),)  # the plain frame, wherever it is read again

    @classmethod
    def _from_pyldf(cls, ldf: Any) -> pl.LazyFrame:
        return pl.LazyFrame._from_pyldf(ldf)

    @property
    def _ldf(self) -> Any:  # what polars reads is kept out of sight on purpose
        self._trace.end(sys._getframe(1).f_code.co_name)
        return _hidden(self)._ldf

    @_ldf.setter
    def _ldf(self, value: Any) -> None:
        self._trace.end(sys._getframe(1).f_code.co_name)
        _hidden(self)._ldf = value

    def collect_schema(self) -> pl.Schema:
        """Names and dtypes of the columns."""
        schema: pl.Schema = _hidden(self).collect_schema()
        return schema

    def lazy(self) -> pl.LazyFrame:
        """The frame itself."""
        return self

    def collect(self, *args: Any, **kwargs: Any) -> Any:
        """The frame's data, followed on."""
        return _called("collect", _hidden(self), _Same(self._plan), self._trace, args, kwargs)


class _Same:
    """Stands for a plan whose data are collected: it stays the plan that it is."""

    def __init__(self, plan: pl.LazyFrame) -> None:
        self._plan = plan

    def collect(self, *_: Any, **__: Any) -> pl.LazyFrame:
        """The plan."""
        return self._plan


def _traced(data: Any, plan: Any, trace: Trace) -> Any:
    """A frame that is followed, of the kind that the data are; anything else as it is, and the trace ends."""
    kind = {pl.DataFrame: _TracedFrame, pl.LazyFrame: _TracedLazy}.get(type(data))
    if kind is None or not isinstance(plan, pl.LazyFrame):
        trace.end(type(data).__name__)
        return data
    made: Any = object.__new__(kind)
    made.__dict__.update(_data=data, _plan=plan, _trace=trace)
    return made


class _TracedGroups:
    """The groups of a traced frame."""

    def __init__(self, data: Any, plan: Any, trace: Trace) -> None:
        self._data, self._plan, self._trace = data, plan, trace

    def __getattr__(self, name: str) -> Any:
        if name not in AGGREGATIONS:
            self._trace.end(name)
            return getattr(self._data, name)
        return lambda *args, **kwargs: _called(name, self._data, self._plan, self._trace, args, kwargs)

    def __iter__(self) -> Any:
        self._trace.end("group_by")
        return iter(self._data)


def _called(name: str, data: Any, plan: Any, trace: Trace, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Calls a method on the data and on the plan, if nothing unknown is among the arguments."""
    # Judged before the call: a Python function in an expression may keep what it is shown.
    if not _harmless((args, kwargs), trace):
        trace.end(name)
    try:
        result = getattr(data, name)(*map(untraced, args), **{k: untraced(v) for k, v in kwargs.items()})
    except BaseException:
        # Whether a call fails may depend on values, and the code may go another way then.
        trace.end(f"an exception in {name}")
        raise
    if trace.escaped:
        return result
    try:
        planned = getattr(plan, name)(*map(_plan_of, args), **{k: _plan_of(v) for k, v in kwargs.items()})
    except (TypeError, AttributeError, pl.exceptions.PolarsError):
        trace.end(name)
        return result
    if name in GROUPING:
        return _TracedGroups(result, planned, trace)
    return _traced(result, planned, trace)


def _plan_of(argument: Any) -> Any:
    return argument._plan if isinstance(argument, _TracedFrame | _TracedLazy) else argument


def _harmless(argument: Any, trace: Trace) -> bool:
    """Whether an argument is made of constants, expressions and frames followed by the same trace."""
    if isinstance(argument, _TracedFrame | _TracedLazy):
        return argument._trace is trace
    if isinstance(argument, Mapping):
        return all(_harmless(key, trace) and _harmless(value, trace) for key, value in argument.items())
    if isinstance(argument, list | tuple | set | frozenset):
        return all(_harmless(item, trace) for item in argument)
    if isinstance(argument, pl.Expr):
        return plan_digest(pl.LazyFrame().select(argument)) is not None
    return isinstance(argument, _PLAIN)


def _follow(name: str, kind: type) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _called(name, _hidden(self), self._plan, self._trace, args, kwargs)

    method.__name__ = name
    method.__doc__ = getattr(kind, name).__doc__
    return method


for _name in (*FOLLOWED, *GROUPING):
    setattr(_TracedFrame, _name, _follow(_name, pl.DataFrame))
    setattr(_TracedLazy, _name, _follow(_name, pl.LazyFrame))
