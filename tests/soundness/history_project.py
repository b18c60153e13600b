"""Random projects as the files that a person writes: headwater.toml, definitions.py and the CSV files of sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

COLUMNS = ("id", "a", "b", "c")
ENVS = ("dev", "prod", "x")
SOURCES = ("r0", "r1")
Row = tuple[int, int, str, float]


@dataclass(frozen=True)
class Node:
    """One asset.

    Arguments:
        form: ``lazy``, ``eager`` or ``sql``.
        op, number: what it computes, and the constant in it.
        configured: whether the constant is a setting, and ``number`` only its default.
        unique: whether ``unique_key`` is declared; ``typed``: whether ``schema`` is; ``ordered`` as it says.
        above, severity: a check that ``a`` is at most so much; None for no check.
        storage: the storage it names; empty for the default.
        style: how it is written, which must not matter: plainly, with a comment (1), or with another local name (2),
            which is another syntax tree, and so other code where it is not a plan.
        words: its description, which must not matter either.
    """

    key: str
    form: str
    op: str
    number: int
    inputs: tuple[str, ...]
    configured: bool = False
    unique: bool = False
    typed: bool = False
    ordered: bool = False
    above: int | None = None
    severity: str = "blocking"
    storage: str = ""
    style: int = 0
    words: str = ""

    @property
    def blocks(self) -> bool:
        """Whether its check keeps results from being published."""
        return self.above is not None and self.severity == "blocking"

    @property
    def reads(self) -> tuple[tuple[str, ...], ...]:
        """The columns of each input that it reads at most."""
        if self.form == "eager":
            return tuple(COLUMNS for _ in self.inputs)
        first = READS[self.op]
        return (first,) if len(self.inputs) == 1 else (tuple(sorted({*first, "a"})), ("a", "id"))

    @property
    def uses_number(self) -> bool:
        """Whether the constant takes part."""
        return self.configured or "{n}" in _SQL[self.op]

    @property
    def meaning(self) -> tuple[object, ...]:
        """All that counts as its code; the default of a setting does where the class is part of what is digested."""
        counts = self.form == "eager" if self.configured else self.uses_number
        number = self.number if counts else None
        return self.form, self.op, self.inputs, self.configured, number, self.form == "eager" and self.style == 2

    @property
    def promises(self) -> tuple[bool, bool, bool]:
        """What it is declared to be, which its results are held to."""
        return self.unique, self.typed, self.ordered


READS: dict[str, tuple[str, ...]] = {
    "keep": COLUMNS,
    "scale": COLUMNS,
    "add to itself": COLUMNS,
    "above": COLUMNS,
    "only a": ("a", "id"),
    "only b": ("b", "id"),
    "count of letters": ("b", "c", "id"),
}
"""The columns that each operation reads of its first input when it is written as a plan or as SQL."""

_POLARS = {
    "keep": "{x}",
    "scale": '{x}.with_columns(a=pl.col("a") * {n})',
    "add to itself": '{x}.with_columns(a=pl.col("a") + pl.col("a"))',
    "above": '{x}.filter(pl.col("a") > {n})',
    "only a": '{x}.select("id", a=pl.col("a") + {n}, b=pl.lit("z"), c=pl.lit(0.0))',
    "only b": '{x}.select("id", a=pl.lit({n}, dtype=pl.Int64), b=pl.col("b") + "!", c=pl.lit(0.0))',
    "count of letters": '{x}.select("id", a=pl.col("b").str.len_chars().cast(pl.Int64) + {n}, b="b", c="c")',
}
_SQL = {
    "keep": "select id, a, b, c from {t}",
    "scale": "select id, a * {n} as a, b, c from {t}",
    "add to itself": "select id, a + a as a, b, c from {t}",
    "above": "select id, a, b, c from {t} where a > {n}",
    "only a": "select id, a + {n} as a, 'z' as b, 0.0::double as c from {t}",
    "only b": "select id, {n}::bigint as a, b || '!' as b, 0.0::double as c from {t}",
    "count of letters": "select id, length(b) + {n} as a, b, c from {t}",
}
_JOIN = (
    '{x}.join({y}.select("id", other=pl.col("a")), on="id", how="left")'
    '.with_columns(a=pl.col("a") + pl.col("other").fill_null(0)).drop("other")'
)


def computed(op: str, number: int, inputs: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What a node gives, worked out row by row without polars' expressions."""
    other = {row[0]: row[1] for row in inputs[1].rows()} if len(inputs) > 1 else {}
    found = [
        made
        for key, a, b, c in inputs[0].select(COLUMNS).rows()
        if (made := _ROWS[op](number, key, a + other.get(key, 0), b, c)) is not None
    ]
    return frame_of(found)


_ROWS: dict[str, Callable[[int, int, int, str, float], Row | None]] = {
    "keep": lambda n, key, a, b, c: (key, a, b, c),
    "scale": lambda n, key, a, b, c: (key, a * n, b, c),
    "add to itself": lambda n, key, a, b, c: (key, a + a, b, c),
    "above": lambda n, key, a, b, c: (key, a, b, c) if a > n else None,
    "only a": lambda n, key, a, b, c: (key, a + n, "z", 0.0),
    "only b": lambda n, key, a, b, c: (key, n, b + "!", 0.0),
    "count of letters": lambda n, key, a, b, c: (key, len(b) + n, b, c),
}


def frame_of(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows as a table of the four columns."""
    types = {"id": pl.Int64, "a": pl.Int64, "b": pl.String, "c": pl.Float64}
    return pl.DataFrame(list(rows), schema=types, orient="row")


def multiset(frame: pl.DataFrame, columns: Sequence[str] = COLUMNS) -> tuple[Any, ...]:
    """The rows over some columns, whatever their order."""
    return tuple(sorted(frame.select(sorted(columns)).rows(), key=repr))


@dataclass
class Files:
    """The files of a project, as they are now.

    Arguments:
        nodes: in working order.
        rows: by source.
        config: by asset key, the setting of headwater.toml for all environments.
        overlays: by environment and asset key, its own.
    """

    root: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    config: dict[str, int] = field(default_factory=dict)
    overlays: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, env: str, key: str, given: Mapping[str, int]) -> int:
        """The constant of a node as an environment sees it; ``given`` on the command line comes first."""
        node = self.nodes[key]
        if not node.configured:
            return node.number
        return given.get(key, self.overlays.get((env, key), self.config.get(key, node.number)))

    def edit(self, key: str, **changes: Any) -> None:
        """Changes one node."""
        self.nodes[key] = replace(self.nodes[key], **changes)

    def write(self) -> None:
        """Writes everything down."""
        self._put("headwater.toml", self._settings())
        self._put("definitions.py", "\n\n".join([_HEAD, *(_text(node) for node in self.nodes.values())]) + "\n")
        for key, rows in self.rows.items():
            lines = [",".join(map(str, row)) for row in rows]
            self._put(f"{key}.csv", "\n".join([",".join(COLUMNS), *lines]) + "\n")

    def _put(self, name: str, text: str) -> None:
        path = self.root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")

    def _settings(self) -> str:
        lines = ['[project]\nname = "history"\nmodules = ["definitions"]', '[catalog]\ndurability = "relaxed"']
        lines.append('[storage.other]\nkind = "parquet"\npath = ".headwater/other"')
        lines.extend(f"[env.{env}]" for env in ENVS)
        configured = [key for key, node in self.nodes.items() if node.configured]
        lines.extend(f'[config."{key}"]\nnumber = {self.config[key]}' for key in configured if key in self.config)
        for (env, key), number in self.overlays.items():
            if key in configured:
                lines.append(f'[env.{env}.config."{key}"]\nnumber = {number}')
        return "\n".join(lines) + "\n"


_HEAD = '''"""The project."""
import polars as pl
from headwater import Config, asset, check, source, sql_asset

SCHEMA = {"id": pl.Int64, "a": pl.Int64, "b": pl.String, "c": pl.Float64}
source("r0", files="r0.csv", schema=SCHEMA)
source("r1", files="r1.csv", schema=SCHEMA)'''


def _text(node: Node) -> str:
    options = [f'description="{node.words}"'] if node.words else []
    options += ['unique_key=["id"]'] if node.unique else []
    options += ["schema=SCHEMA"] if node.typed else []
    options += ["ordered=True"] if node.ordered else []
    options += [f'storage="{node.storage}"'] if node.storage else []
    if node.above is not None:
        options.append(f'checks=[check.between("a", 0, {node.above}, severity="{node.severity}")]')
    config = f"class Config_{node.key}(Config):\n    number: int = {node.number}\n\n\n" if node.configured else ""
    if node.form == "sql":
        query = _SQL[node.op].format(t=node.inputs[0], n=":number" if node.configured else node.number)
        query = f"/* a comment */ {query}" if node.style == 1 else query
        more = [f"config=Config_{node.key}"] if node.configured else []
        return f"{config}sql_asset({', '.join([repr(node.key), repr(query), *more, *options])})"
    return config + _function(node, options)


def _function(node: Node, options: list[str]) -> str:
    frame = "pl.LazyFrame" if node.form == "lazy" else "pl.DataFrame"
    names = ("first", "second")[: len(node.inputs)]
    bound = ", ".join(f'"{name}": "{key}"' for name, key in zip(names, node.inputs, strict=True))
    parameters = [f"{name}: {frame}" for name in names]
    parameters += [f"settings: Config_{node.key}"] if node.configured else []
    local = "rows" if node.style == 2 else "x"
    lines = [f"{local} = first"]
    if len(node.inputs) > 1:
        lines.append(f"{local} = " + _JOIN.format(x=local, y="second"))
    number = "settings.number" if node.configured else str(node.number)
    lines.append(f"{local} = " + _POLARS[node.op].format(x=local, n=number))
    lines.append("# a comment" if node.style == 1 else "")
    lines.append(f'return {local}.select("id", "a", "b", "c")')
    body = "\n".join(f"    {line}" for line in lines if line)
    declared = ", ".join([f'key="{node.key}"', f"inputs={{{bound}}}", *options])
    return f"@asset({declared})\ndef {node.key}({', '.join(parameters)}) -> {frame}:\n{body}"
