"""Random queries over three small tables, whose results do not depend on the order of rows."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TABLES: dict[str, dict[str, str]] = {
    "t": {"id": "int", "a": "int", "b": "int", "s": "text"},
    "u": {"id": "int", "a": "int", "c": "int", "w": "text"},
    "v": {"k": "int", "d": "int", "e": "int"},
}
"""Table -> {column: type}. Names meet (``id``, ``a``), so that qualifiers, USING and NATURAL matter."""


@dataclass(frozen=True)
class Item:
    """A FROM item that expressions may draw on: its alias and its columns by type."""

    alias: str
    columns: dict[str, str]


class Queries:
    """Draws queries.

    Arguments:
        random: the source of chance.
        engine: ``"duckdb"`` or ``"sqlite"``; constructs that one of them lacks are left out there.
    """

    def __init__(self, random: Random, engine: str) -> None:
        self.random = random
        self.duckdb = engine == "duckdb"
        self.ctes: dict[str, dict[str, str]] = {}
        self.count = 0

    def query(self) -> str:
        """One query with named output columns."""
        self.ctes, self.count = {}, 0
        prefix = ""
        if self.random.random() < 0.35:
            parts = []
            for name in ("p", "q")[: self.random.randint(1, 2)]:
                text, columns = self._body(1)
                parts.append(f"{name} as ({text})")
                self.ctes[name] = columns
            prefix = f"with {', '.join(parts)} "
        return prefix + self._body(2)[0]

    def _body(self, depth: int) -> tuple[str, dict[str, str]]:
        pick = self.random.random()
        if pick < 0.16:
            return self._set_operation(depth)
        if pick < 0.34:
            return self._grouped(depth)
        return self._plain(depth)

    def _fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    # FROM

    def _item(self, depth: int) -> tuple[str, Item]:
        alias = self._fresh("f")
        pick = self.random.random()
        if depth and pick < 0.25:
            text, columns = self._body(depth - 1)
            return f"({text}) as {alias}", Item(alias, columns)
        names = {**TABLES, **self.ctes}
        name = self.random.choice(list(names))
        return f"{name} as {alias}", Item(alias, names[name])

    def _from(self, depth: int) -> tuple[str, list[Item], dict[str, str]]:
        """The clause, the items that may be named with a qualifier, and columns that must be named bare."""
        text, item = self._item(depth)
        items, merged = [item], {}
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            other_text, other = self._item(depth)
            shared = [name for name in item.columns if name in other.columns and item.columns[name] == "int"]
            pick = self.random.random()
            if shared and len(items) == 1 and pick < 0.25:
                name = self.random.choice(shared)
                side = self.random.choice(["join", "left join", "full join"] if self.duckdb else ["join", "left join"])
                text = f"{text} {side} {other_text} using ({name})"
                merged[name] = "int"
                items.append(other)
            elif pick < 0.35:
                text = f"{text} cross join {other_text}"
                items.append(other)
            elif self.duckdb and pick < 0.45:
                kind = self.random.choice(["semi", "anti"])
                text = f"{text} {kind} join {other_text} on {self._condition([*items, other], 0)}"
            else:
                side = self.random.choice(["join", "left join", "right join" if self.duckdb else "join"])
                text = f"{text} {side} {other_text} on {self._condition([*items, other], 0)}"
                items.append(other)
        return text, items, merged

    # Expressions

    def _column(self, items: list[Item], kind: str) -> str:
        found = [f"{item.alias}.{name}" for item in items for name, own in item.columns.items() if own == kind]
        if not found:
            return "'z'" if kind == "text" else str(self.random.randint(0, 3))
        return self.random.choice(found)

    def _number(self, items: list[Item], depth: int) -> str:
        column = self._column(items, "int")
        if depth <= 0:
            return column
        pick = self.random.randrange(11)
        inner = lambda: self._number(items, depth - 1)  # noqa: E731 a shorthand for the table below
        if pick < 3:
            return column
        if pick == 3:
            return f"({inner()} + {inner()})"
        if pick == 4:
            return f"case when {self._condition(items, depth - 1)} then {inner()} else {inner()} end"
        if pick == 5:
            return f"coalesce({inner()}, {inner()})"
        if pick == 6:
            return f"nullif({inner()}, {inner()})"
        if pick == 7:
            return f"length({self._column(items, 'text')})"
        if pick == 8:
            return self._scalar(items)
        if pick == 9:
            return f"case {inner()} when {self.random.randint(0, 3)} then {inner()} end"
        return f"abs({inner()} - {inner()})"

    def _text(self, items: list[Item]) -> str:
        column = self._column(items, "text")
        return self.random.choice([column, f"upper({column})", f"({column} || {self._column(items, 'text')})"])

    def _scalar(self, items: list[Item]) -> str:
        """A scalar subquery, correlated or not."""
        name = self.random.choice(list(TABLES))
        alias = self._fresh("x")
        inner = Item(alias, TABLES[name])
        own = self._column([inner], "int")
        aggregate = self.random.choice(["max", "min", "count", "sum"])
        where = ""
        if self.random.random() < 0.7:
            where = f" where {self._column([inner], 'int')} = {self._column(items, 'int')}"
        elif self.random.random() < 0.5:
            where = f" where {self._condition([inner], 0)}"
        return f"(select {aggregate}({own}) from {name} as {alias}{where})"

    def _condition(self, items: list[Item], depth: int) -> str:
        pick = self.random.randrange(9 if depth >= 0 else 4)
        left, right = self._column(items, "int"), self._column(items, "int")
        if pick < 3:
            return f"{left} {self.random.choice(['=', '<', '>=', '<>'])} {right}"
        if pick == 3:
            return f"{left} > {self.random.randint(0, 3)}"
        if pick == 4:
            return f"{left} is null"
        if pick == 5 and depth > 0:
            return f"({self._condition(items, depth - 1)} or {self._condition(items, depth - 1)})"
        if pick == 6 and depth >= 1:
            name = self.random.choice(list(TABLES))
            alias = self._fresh("y")
            inner = Item(alias, TABLES[name])
            kind = self.random.choice(["exists", "not exists"])
            link = f"{self._column([inner], 'int')} = {left}"
            return f"{kind} (select 1 from {name} as {alias} where {link})"
        if pick == 7 and depth >= 1:
            name = self.random.choice(list(TABLES))
            alias = self._fresh("y")
            own = self._column([Item(alias, TABLES[name])], "int")
            return f"{left} in (select {own} from {name} as {alias})"
        return f"{left} between {right} and {self.random.randint(1, 5)}"

    def _window(self, items: list[Item]) -> str:
        function = self.random.choice(["sum({})", "max({})", "count(*)", "rank()", "dense_rank()", "count({})"])
        call = function.format(self._column(items, "int"))
        order = f"order by {self._column(items, 'int')}"
        part = f"partition by {self._column(items, 'int')}"
        over = self.random.choice([part, f"{part} {order}", order])
        return f"{call} over ({order if call.endswith('k()') and over == part else over})"

    # Bodies

    def _plain(self, depth: int) -> tuple[str, dict[str, str]]:
        text, items, merged = self._from(depth)
        columns: dict[str, str] = {}
        selected = []
        if len(items) == 1 and not merged and self.random.random() < 0.12:
            selected.append("*")
            columns.update(items[0].columns)
        for _ in range(self.random.randint(1, 3)):
            name = self._fresh("o")
            pick = self.random.random()
            kind = "int"
            if merged and pick < 0.3:
                value = next(iter(merged))
            elif pick < 0.2:
                value, kind = self._text(items), "text"
            elif pick < 0.38:
                value = self._window(items)
            else:
                value = self._number(items, 2)
            selected.append(f"{value} as {name}")
            columns[name] = kind
        where = f" where {self._condition(items, 1)}" if self.random.random() < 0.5 else ""
        distinct = "distinct " if self.random.random() < 0.15 else ""
        query = f"select {distinct}{', '.join(selected)} from {text}{where}"
        if self.duckdb and not distinct and self.random.random() < 0.1:
            query += f" qualify {self._window(items)} > 1"
        return query + self._limit(columns), columns

    def _limit(self, columns: dict[str, str]) -> str:
        if self.random.random() < 0.85:
            return ""
        order = ", ".join(str(place + 1) for place in range(len(columns)))
        return f" order by {order} limit {self.random.randint(1, 4)}"

    def _grouped(self, depth: int) -> tuple[str, dict[str, str]]:
        text, items, _ = self._from(depth)
        keys = [
            self._number(items, 1) if self.random.random() < 0.4 else self._column(items, "int")
            for _ in range(self.random.randint(0, 2))
        ]
        keys = [key for key in keys if "select" not in key and not key.isdigit()]
        columns, selected = {}, []
        for key in keys:
            name = self._fresh("g")
            selected.append(f"{key} as {name}")
            columns[name] = "int"
        for _ in range(self.random.randint(1, 2)):
            name = self._fresh("o")
            selected.append(f"{self._aggregate(items)} as {name}")
            columns[name] = "int"
        where = f" where {self._condition(items, 1)}" if self.random.random() < 0.3 else ""
        group = f" group by {', '.join(keys)}" if keys else ""
        having = f" having {self._aggregate(items)} > 1" if keys and self.random.random() < 0.3 else ""
        return f"select {', '.join(selected)} from {text}{where}{group}{having}{self._limit(columns)}", columns

    def _aggregate(self, items: list[Item]) -> str:
        value = self._number(items, 1)
        if "select" in value:
            value = self._column(items, "int")
        call = self.random.choice(["sum({})", "max({})", "min({})", "count({})", "count(*)", "count(distinct {})"])
        call = call.format(value)
        if self.random.random() < 0.25:
            call += f" filter (where {self._condition(items, 0)})"
        return call

    def _set_operation(self, depth: int) -> tuple[str, dict[str, str]]:
        width = self.random.randint(1, 2)
        sides = []
        for _ in range(2):
            text, items, _ = self._from(max(depth - 1, 0))
            where = f" where {self._condition(items, 1)}" if self.random.random() < 0.4 else ""
            names = [f"n{place}" for place in range(width)]
            selected = ", ".join(f"{self._number(items, 1)} as {name}" for name in names)
            sides.append(f"select {selected} from {text}{where}")
        operator = self.random.choice(["union all", "union", "intersect", "except"])
        return f"{sides[0]} {operator} {sides[1]}", dict.fromkeys(names, "int")
