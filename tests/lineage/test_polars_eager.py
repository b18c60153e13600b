"""Eager code: followed where each step is one that a plan can say, and given up wherever a value is looked at."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from lineage.columns.eager import Trace, untraced
from lineage.columns.placeholder import placeholder
from lineage.columns.polars import polars_lineage

A = pl.DataFrame({"k": [1, 2, 2], "v": [0.5, 1.5, 2.5], "s": ["x", "y", "y"], "l": [[1], [2, 3], []]})
B = pl.DataFrame({"k": [1, 2], "w": [10, 20]})
Step = Callable[[pl.DataFrame, pl.DataFrame], object]
col = pl.col

FOLLOWED: dict[str, Step] = {
    "filter and select": lambda a, b: a.filter(col("v") > 1).select("k", z=col("v") * 2),
    "join": lambda a, b: a.join(b, on="k", how="left").drop("s"),
    "group_by": lambda a, b: a.group_by("s").agg(col("v").sum()).sort("s"),
    "group_by, len": lambda a, b: a.group_by("s", maintain_order=True).len(),
    "sort and head": lambda a, b: a.sort("v", descending=True).head(2),
    "explode": lambda a, b: a.explode("l").drop_nulls(),
    "unique, rename": lambda a, b: a.unique("s", maintain_order=True).rename({"v": "z"}),
    "unpivot": lambda a, b: a.unpivot(["k", "v"], index="s"),
    "names of columns": lambda a, b: a.select([name for name in a.collect_schema() if name != "l"]).sum(),
    "lazy and collect": lambda a, b: a.lazy().filter(col("v") > 1).group_by("k").agg(pl.len()).collect().sort("k"),
    "a lazy result": lambda a, b: a.lazy().join(b.lazy(), on="k").select("k", "w"),
    "a collected frame planned on": lambda a, b: a.lazy().select("k").collect().lazy().unique().sort("k").collect(),
    "group_by_dynamic": lambda a, b: a.sort("k").group_by_dynamic("k", every="2i").agg(col("v").sum()),
    "a pipe": lambda a, b: a.pipe(lambda frame: frame.with_columns(z=1)).with_row_index(),
}
ESCAPES: dict[str, Step] = {
    "a Series in arithmetic": lambda a, b: a.with_columns(a["v"] + 1),
    "an aggregate as a literal": lambda a, b: b.with_columns(z=pl.lit(a["v"].max())),
    "numpy and back": lambda a, b: b.with_columns(z=pl.Series(a.head(2)["v"].to_numpy() * 2)),
    "numpy of the frame": lambda a, b: pl.DataFrame(a.select("k", "v").to_numpy()),
    "the height": lambda a, b: b.with_columns(z=a.height),
    "len": lambda a, b: b if len(a) > 2 else a,
    "item": lambda a, b: b.filter(col("w") > a.select(col("v").sum()).item()),
    "rows": lambda a, b: pl.DataFrame(a.rows(), schema=a.schema, orient="row"),
    "iteration over groups": lambda a, b: pl.concat([group for _, group in a.group_by("s", maintain_order=True)]),
    "a filter by a Series": lambda a, b: a.filter(a["v"] > 1),
    "concat": lambda a, b: pl.concat([a, a]),
    "a concat of plans": lambda a, b: pl.concat([a.lazy(), a.lazy()]).collect(),
    "a plan that is explained": lambda a, b: b if len(a.lazy().explain()) > 1 else a,
    "a Python function that keeps what it sees": lambda a, b: _kept(a=a, b=b),
    "a Python function in a plan that keeps what it sees": lambda a, b: _kept(a.lazy(), b),
    "a change in place": lambda a, b: a.insert_column(0, pl.Series("z", [1, 2, 3])),
    "an assignment": lambda a, b: _assigned(a),
    "a foreign frame": lambda a, b: a.join(pl.DataFrame({"k": [1]}), on="k"),
    "Arrow": lambda a, b: pl.from_arrow(a.to_arrow()),
    "pandas": lambda a, b: pl.from_pandas(a.select("k").to_pandas()),
    "equality": lambda a, b: a if a.equals(b) else b,
    "printing": lambda a, b: b.with_columns(z=pl.lit(str(a))),
    "a comparison": lambda a, b: a.select("k") == a.select("k"),
    "a clone": lambda a, b: a.clone(),
    "to_dict": lambda a, b: pl.DataFrame(a.to_dict(as_series=False)),
    "a frame of a frame": lambda a, b: pl.DataFrame(a),
    "an exception that depends on values": lambda a, b: _either(a=a, b=b),
    "pickle, as for a pool of processes": lambda a, b: pickle.loads(pickle.dumps(a)),
    "a pickled plan": lambda a, b: pickle.loads(pickle.dumps(a.lazy().select("k", "v"))).collect(),
    "another frame of its class": lambda a, b: type(a)({"k": [1]}),
    "another plan of its class": lambda a, b: type(a.lazy())({"k": [1]}).collect(),
    "copies": lambda a, b: copy.copy(a).vstack(copy.deepcopy(a)),
    "an Arrow stream": lambda a, b: pl.DataFrame(_capsule(a)),
}


def _kept(a: Any, b: pl.DataFrame) -> pl.DataFrame:
    seen: list[float] = []
    a.lazy().select(col("v").map_elements(lambda v: seen.append(v) or v, return_dtype=pl.Float64)).collect()
    return b.with_columns(z=pl.lit(max(seen)))  # in which order it sees them is left to the threads


class _capsule:  # noqa: N801 -- it stands for a library's function
    """Something that takes a frame through the Arrow C stream interface."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def _either(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    try:
        return a.with_columns(col("s").cast(pl.Int64))
    except pl.exceptions.PolarsError:
        return b.head(1)


def _assigned(frame: pl.DataFrame) -> pl.DataFrame:
    frame[0, "v"] = 9.0
    return frame


def run(step: Step) -> tuple[Trace, object]:
    """A step on traced inputs."""
    trace = Trace()
    return trace, step(trace.frame("a", A.clone()), trace.frame("b", B.clone()))


def lazily(name: str) -> pl.LazyFrame:
    """The plan that code which is followed amounts to: the same code on placeholders that need not be collected."""
    a, b = placeholder("a", A.schema), placeholder("b", B.schema)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pl.LazyFrame, "collect", lambda frame: frame)
        plan: Any = FOLLOWED[name](a, b)  # type: ignore[arg-type]
    assert isinstance(plan, pl.LazyFrame)
    return plan


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed_code_has_the_lineage_of_the_plan_it_amounts_to(name: str) -> None:
    trace, result = run(FOLLOWED[name])
    reading = trace.reading(result)
    assert reading is not None
    assert reading.lineage.edges == polars_lineage(lazily(name)).edges


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed_code_gives_what_it_gives_on_plain_frames(name: str) -> None:
    _, result = run(FOLLOWED[name])
    plain: Any = untraced(result)
    expected: Any = FOLLOWED[name](A.clone(), B.clone())
    assert type(plain) is type(expected)
    assert plain.lazy().collect().sort(pl.all()).equals(expected.lazy().collect().sort(pl.all()))


@pytest.mark.parametrize("name", ESCAPES)
def test_code_that_looks_at_values_is_given_up(name: str) -> None:
    trace, result = run(ESCAPES[name])
    assert trace.reading(result) is None


@pytest.mark.parametrize("name", ESCAPES)
def test_code_that_is_given_up_runs_as_on_plain_frames(name: str) -> None:
    _, result = run(ESCAPES[name])
    expected = ESCAPES[name](A.clone(), B.clone())
    assert isinstance(expected, pl.DataFrame)
    assert untraced(result).equals(expected)


def test_the_trace_says_by_what_values_got_out_of_sight() -> None:
    trace, _ = run(lambda a, b: b.with_columns(z=a.height))
    assert trace.escaped == "height"


def test_a_frame_of_another_call_is_not_followed() -> None:
    other = Trace().frame("b", B)
    trace = Trace()
    assert trace.reading(trace.frame("a", A).join(other, on="k")) is None


def test_what_was_not_made_from_the_inputs_is_not_claimed_to_be() -> None:
    trace, result = run(lambda a, b: pl.DataFrame({"z": [1]}))
    assert trace.reading(result) is None
