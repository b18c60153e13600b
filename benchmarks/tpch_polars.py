"""The 22 queries of TPC-H written in polars, after the benchmark's specification, and small data for them.

The data are random and follow the specification in names, types and keys only: values come from small domains
around the queries' parameters, so that every query has rows and a changed column shows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from random import Random

import polars as pl

Frames = Mapping[str, pl.LazyFrame]
c = pl.col

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "region": {"r_regionkey": pl.Int64(), "r_name": pl.String(), "r_comment": pl.String()},
    "nation": {
        "n_nationkey": pl.Int64(),
        "n_name": pl.String(),
        "n_regionkey": pl.Int64(),
        "n_comment": pl.String(),
    },
    "supplier": {
        "s_suppkey": pl.Int64(),
        "s_name": pl.String(),
        "s_address": pl.String(),
        "s_nationkey": pl.Int64(),
        "s_phone": pl.String(),
        "s_acctbal": pl.Float64(),
        "s_comment": pl.String(),
    },
    "customer": {
        "c_custkey": pl.Int64(),
        "c_name": pl.String(),
        "c_address": pl.String(),
        "c_nationkey": pl.Int64(),
        "c_phone": pl.String(),
        "c_acctbal": pl.Float64(),
        "c_mktsegment": pl.String(),
        "c_comment": pl.String(),
    },
    "part": {
        "p_partkey": pl.Int64(),
        "p_name": pl.String(),
        "p_mfgr": pl.String(),
        "p_brand": pl.String(),
        "p_type": pl.String(),
        "p_size": pl.Int64(),
        "p_container": pl.String(),
        "p_retailprice": pl.Float64(),
        "p_comment": pl.String(),
    },
    "partsupp": {
        "ps_partkey": pl.Int64(),
        "ps_suppkey": pl.Int64(),
        "ps_availqty": pl.Int64(),
        "ps_supplycost": pl.Float64(),
        "ps_comment": pl.String(),
    },
    "orders": {
        "o_orderkey": pl.Int64(),
        "o_custkey": pl.Int64(),
        "o_orderstatus": pl.String(),
        "o_totalprice": pl.Float64(),
        "o_orderdate": pl.Date(),
        "o_orderpriority": pl.String(),
        "o_clerk": pl.String(),
        "o_shippriority": pl.Int64(),
        "o_comment": pl.String(),
    },
    "lineitem": {
        "l_orderkey": pl.Int64(),
        "l_partkey": pl.Int64(),
        "l_suppkey": pl.Int64(),
        "l_linenumber": pl.Int64(),
        "l_quantity": pl.Float64(),
        "l_extendedprice": pl.Float64(),
        "l_discount": pl.Float64(),
        "l_tax": pl.Float64(),
        "l_returnflag": pl.String(),
        "l_linestatus": pl.String(),
        "l_shipdate": pl.Date(),
        "l_commitdate": pl.Date(),
        "l_receiptdate": pl.Date(),
        "l_shipinstruct": pl.String(),
        "l_shipmode": pl.String(),
        "l_comment": pl.String(),
    },
}
ROWS = {
    "region": 4,
    "nation": 6,
    "supplier": 10,
    "customer": 30,
    "part": 16,
    "partsupp": 70,
    "orders": 120,
    "lineitem": 420,
}
_KEYS = {"region": 4, "nation": 6, "supp": 10, "cust": 30, "part": 16, "order": 120}
_TEXTS: dict[str, list[str]] = {
    "r_name": ["EUROPE", "ASIA", "AMERICA", "MIDDLE EAST"],
    "n_name": ["FRANCE", "GERMANY", "BRAZIL", "CANADA", "SAUDI ARABIA"],
    "p_name": ["forest green", "green almond", "forest azure", "misty rose"],
    "p_brand": ["Brand#12", "Brand#23", "Brand#34", "Brand#45"],
    "p_mfgr": ["Manufacturer#1", "Manufacturer#2"],
    "p_type": ["ECONOMY ANODIZED STEEL", "PROMO BURNISHED COPPER", "MEDIUM POLISHED TIN", "SMALL PLATED BRASS"],
    "p_container": ["SM CASE", "MED BOX", "LG BOX", "SM PACK", "MED BAG"],
    "o_orderstatus": ["F", "O"],
    "o_orderpriority": ["1-URGENT", "2-HIGH", "5-LOW"],
    "o_comment": ["special packages requests", "plain", "quick"],
    "s_comment": ["Customer said Complaints", "fine", "none"],
    "c_mktsegment": ["BUILDING", "AUTOMOBILE"],
    "l_returnflag": ["R", "A", "N"],
    "l_linestatus": ["F", "O"],
    "l_shipinstruct": ["DELIVER IN PERSON", "NONE"],
    "l_shipmode": ["MAIL", "SHIP", "AIR", "AIR REG"],
}


def data(random: Random) -> dict[str, pl.DataFrame]:
    """Small random tables of all eight schemas."""
    return {
        table: pl.DataFrame([column(random, table, name, ROWS[table]) for name in schema])
        for table, schema in SCHEMAS.items()
    }


def column(random: Random, table: str, name: str, rows: int) -> pl.Series:
    """A random column; a table's own key counts its rows."""
    dtype = SCHEMAS[table][name]
    own = f"{table[0]}_{table.removesuffix('s').removesuffix('lier').removesuffix('omer')}key"
    if name in (own, "s_suppkey") and table != "partsupp":
        values: list[object] = list(range(rows))
    else:
        values = [_value(random, name, dtype) for _ in range(rows)]
    return pl.Series(name, values, dtype=dtype)


def _value(random: Random, name: str, dtype: pl.DataType) -> object:
    for part, size in _KEYS.items():
        if name.endswith(f"{part}key"):
            return random.randrange(size)
    if name in _TEXTS:
        return random.choice(_TEXTS[name])
    if name.endswith("_phone"):
        return f"{random.choice([13, 31, 23, 40])}-{random.randint(100, 999)}"
    if isinstance(dtype, pl.Date):
        return dt.date(1993, 6, 1) + dt.timedelta(days=random.randrange(1500))
    if name in ("l_discount", "l_tax"):
        return random.choice([0.0, 0.05, 0.06, 0.07])
    if name == "l_quantity":
        return float(random.randint(1, 30))
    if name == "p_size":
        return random.choice([1, 5, 9, 15])
    if isinstance(dtype, pl.Float64):
        return float(random.randint(-100, 1000))
    if isinstance(dtype, pl.Int64):
        return random.randint(0, 90)
    return f"{name} {random.randrange(20)}"


def _day(year: int, month: int, day: int = 1) -> dt.date:
    return dt.date(year, month, day)


REVENUE = c.l_extendedprice * (1 - c.l_discount)


def q1(t: Frames) -> pl.LazyFrame:
    """Pricing summary."""
    return (
        t["lineitem"]
        .filter(c.l_shipdate <= _day(1996, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=c.l_quantity.sum(),
            sum_base_price=c.l_extendedprice.sum(),
            sum_disc_price=REVENUE.sum(),
            sum_charge=(REVENUE * (1 + c.l_tax)).sum(),
            avg_qty=c.l_quantity.mean(),
            avg_price=c.l_extendedprice.mean(),
            avg_disc=c.l_discount.mean(),
            count_order=pl.len(),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q2(t: Frames) -> pl.LazyFrame:
    """Minimum cost supplier."""
    offers = (
        t["part"]
        .filter(c.p_size == 15, c.p_type.str.ends_with("BRASS"))
        .join(t["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .join(t["supplier"], left_on="ps_suppkey", right_on="s_suppkey")
        .join(t["nation"], left_on="s_nationkey", right_on="n_nationkey")
        .join(t["region"], left_on="n_regionkey", right_on="r_regionkey")
        .filter(c.r_name == "EUROPE")
    )
    cheapest = offers.group_by("p_partkey").agg(c.ps_supplycost.min())
    return (
        offers.join(cheapest, on=["p_partkey", "ps_supplycost"])
        .select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
        .sort("s_acctbal", "n_name", "s_name", "p_partkey", descending=[True, False, False, False])
        .head(100)
    )


def q3(t: Frames) -> pl.LazyFrame:
    """Shipping priority."""
    day = _day(1995, 3, 15)
    return (
        t["customer"]
        .filter(c.c_mktsegment == "BUILDING")
        .join(t["orders"], left_on="c_custkey", right_on="o_custkey")
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .filter(c.o_orderdate < day, c.l_shipdate > day)
        .group_by("o_orderkey", "o_orderdate", "o_shippriority")
        .agg(revenue=REVENUE.sum())
        .select(c.o_orderkey.alias("l_orderkey"), "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q4(t: Frames) -> pl.LazyFrame:
    """Order priority checking."""
    late = t["lineitem"].filter(c.l_commitdate < c.l_receiptdate)
    return (
        t["orders"]
        .filter(c.o_orderdate.is_between(_day(1993, 7), _day(1995, 10), closed="left"))
        .join(late, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .group_by("o_orderpriority")
        .agg(order_count=pl.len())
        .sort("o_orderpriority")
    )


def q5(t: Frames) -> pl.LazyFrame:
    """Local supplier volume."""
    return (
        t["region"]
        .filter(c.r_name == "ASIA")
        .join(t["nation"], left_on="r_regionkey", right_on="n_regionkey")
        .join(t["customer"], left_on="n_nationkey", right_on="c_nationkey")
        .join(t["orders"], left_on="c_custkey", right_on="o_custkey")
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .join(t["supplier"], left_on=["l_suppkey", "n_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .filter(c.o_orderdate.is_between(_day(1994, 1), _day(1997, 1), closed="left"))
        .group_by("n_name")
        .agg(revenue=REVENUE.sum())
        .sort("revenue", descending=True)
    )


def q6(t: Frames) -> pl.LazyFrame:
    """Forecasting revenue change."""
    return (
        t["lineitem"]
        .filter(
            c.l_shipdate.is_between(_day(1994, 1), _day(1996, 1), closed="left"),
            c.l_discount.is_between(0.05, 0.07),
            c.l_quantity < 24,
        )
        .select(revenue=(c.l_extendedprice * c.l_discount).sum())
    )


def q7(t: Frames) -> pl.LazyFrame:
    """Volume shipping."""
    one, two = "FRANCE", "GERMANY"
    pair = pl.any_horizontal(
        (c.supp_nation == one) & (c.cust_nation == two), (c.supp_nation == two) & (c.cust_nation == one)
    )
    return (
        t["supplier"]
        .join(t["lineitem"], left_on="s_suppkey", right_on="l_suppkey")
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .join(t["nation"].select("n_nationkey", supp_nation="n_name"), left_on="s_nationkey", right_on="n_nationkey")
        .join(t["nation"].select("n_nationkey", cust_nation="n_name"), left_on="c_nationkey", right_on="n_nationkey")
        .filter(pair, c.l_shipdate.is_between(_day(1994, 1), _day(1997, 12)))
        .with_columns(l_year=c.l_shipdate.dt.year(), volume=REVENUE)
        .group_by("supp_nation", "cust_nation", "l_year")
        .agg(revenue=c.volume.sum())
        .sort("supp_nation", "cust_nation", "l_year")
    )


def q8(t: Frames) -> pl.LazyFrame:
    """National market share."""
    return (
        t["part"]
        .filter(c.p_type == "ECONOMY ANODIZED STEEL")
        .join(t["lineitem"], left_on="p_partkey", right_on="l_partkey")
        .join(t["supplier"], left_on="l_suppkey", right_on="s_suppkey")
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .join(t["nation"].select("n_nationkey", "n_regionkey"), left_on="c_nationkey", right_on="n_nationkey")
        .join(t["region"].filter(c.r_name == "AMERICA"), left_on="n_regionkey", right_on="r_regionkey")
        .join(t["nation"].select("n_nationkey", nation="n_name"), left_on="s_nationkey", right_on="n_nationkey")
        .filter(c.o_orderdate.is_between(_day(1994, 1), _day(1997, 12, 31)))
        .select(o_year=c.o_orderdate.dt.year(), volume=REVENUE, nation="nation")
        .with_columns(brazil=pl.when(c.nation == "BRAZIL").then(c.volume).otherwise(0.0))
        .group_by("o_year")
        .agg(mkt_share=c.brazil.sum() / c.volume.sum())
        .sort("o_year")
    )


def q9(t: Frames) -> pl.LazyFrame:
    """Product type profit."""
    return (
        t["part"]
        .filter(c.p_name.str.contains("green"))
        .join(t["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .join(t["supplier"], left_on="ps_suppkey", right_on="s_suppkey")
        .join(t["lineitem"], left_on=["p_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .join(t["nation"], left_on="s_nationkey", right_on="n_nationkey")
        .select(nation="n_name", o_year=c.o_orderdate.dt.year(), amount=REVENUE - c.ps_supplycost * c.l_quantity)
        .group_by("nation", "o_year")
        .agg(sum_profit=c.amount.sum())
        .sort("nation", "o_year", descending=[False, True])
    )


def q10(t: Frames) -> pl.LazyFrame:
    """Returned items."""
    keys = ["c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment"]
    return (
        t["customer"]
        .join(t["orders"], left_on="c_custkey", right_on="o_custkey")
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .join(t["nation"], left_on="c_nationkey", right_on="n_nationkey")
        .filter(c.o_orderdate.is_between(_day(1993, 10), _day(1996, 1), closed="left"), c.l_returnflag == "R")
        .group_by(keys)
        .agg(revenue=REVENUE.sum())
        .select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
        .sort("revenue", descending=True)
        .head(20)
    )


def q11(t: Frames) -> pl.LazyFrame:
    """Important stock."""
    stock = (
        t["partsupp"]
        .join(t["supplier"], left_on="ps_suppkey", right_on="s_suppkey")
        .join(t["nation"], left_on="s_nationkey", right_on="n_nationkey")
        .filter(c.n_name == "GERMANY")
        .with_columns(worth=c.ps_supplycost * c.ps_availqty)
    )
    total = stock.select(threshold=c.worth.sum() * 0.01)
    return (
        stock.group_by("ps_partkey")
        .agg(value=c.worth.sum())
        .join(total, how="cross")
        .filter(c.value > c.threshold)
        .select("ps_partkey", "value")
        .sort("value", descending=True)
    )


def q12(t: Frames) -> pl.LazyFrame:
    """Shipping modes."""
    high = c.o_orderpriority.is_in(["1-URGENT", "2-HIGH"])
    return (
        t["orders"]
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .filter(
            c.l_shipmode.is_in(["MAIL", "SHIP"]),
            c.l_commitdate < c.l_receiptdate,
            c.l_shipdate < c.l_commitdate,
            c.l_receiptdate.is_between(_day(1994, 1), _day(1997, 1), closed="left"),
        )
        .group_by("l_shipmode")
        .agg(high_line_count=high.cast(pl.UInt32).sum(), low_line_count=(~high).cast(pl.UInt32).sum())
        .sort("l_shipmode")
    )


def q13(t: Frames) -> pl.LazyFrame:
    """Customer distribution."""
    orders = t["orders"].filter(~c.o_comment.str.contains("special.*requests"))
    return (
        t["customer"]
        .join(orders, left_on="c_custkey", right_on="o_custkey", how="left")
        .group_by("c_custkey")
        .agg(c_count=c.o_orderkey.count())
        .group_by("c_count")
        .agg(custdist=pl.len())
        .sort("custdist", "c_count", descending=True)
    )


def q14(t: Frames) -> pl.LazyFrame:
    """Promotion effect."""
    promo = pl.when(c.p_type.str.starts_with("PROMO")).then(REVENUE).otherwise(0.0)
    return (
        t["lineitem"]
        .join(t["part"], left_on="l_partkey", right_on="p_partkey")
        .filter(c.l_shipdate.is_between(_day(1995, 1), _day(1996, 1), closed="left"))
        .select(promo_revenue=100.0 * promo.sum() / REVENUE.sum())
    )


def q15(t: Frames) -> pl.LazyFrame:
    """Top supplier."""
    revenue = (
        t["lineitem"]
        .filter(c.l_shipdate.is_between(_day(1995, 1), _day(1996, 4), closed="left"))
        .group_by(supplier_no="l_suppkey")
        .agg(total_revenue=REVENUE.sum())
    )
    return (
        t["supplier"]
        .join(revenue, left_on="s_suppkey", right_on="supplier_no")
        .filter(c.total_revenue == c.total_revenue.max())
        .select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
        .sort("s_suppkey")
    )


def q16(t: Frames) -> pl.LazyFrame:
    """Parts and suppliers."""
    complained = t["supplier"].filter(c.s_comment.str.contains("Customer.*Complaints"))
    return (
        t["part"]
        .join(t["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .filter(
            c.p_brand != "Brand#45",
            ~c.p_type.str.starts_with("MEDIUM POLISHED"),
            c.p_size.is_in([1, 5, 9]),
        )
        .join(complained, left_on="ps_suppkey", right_on="s_suppkey", how="anti")
        .group_by("p_brand", "p_type", "p_size")
        .agg(supplier_cnt=c.ps_suppkey.n_unique())
        .sort("supplier_cnt", "p_brand", "p_type", "p_size", descending=[True, False, False, False])
    )


def q17(t: Frames) -> pl.LazyFrame:
    """Small-quantity orders."""
    lines = t["part"].filter(c.p_brand == "Brand#23", c.p_container.is_in(["MED BOX", "SM CASE"]))
    joined = lines.join(t["lineitem"], left_on="p_partkey", right_on="l_partkey")
    small = joined.group_by("p_partkey").agg(avg_quantity=0.7 * c.l_quantity.mean())
    return (
        joined.join(small, on="p_partkey")
        .filter(c.l_quantity < c.avg_quantity)
        .select(avg_yearly=c.l_extendedprice.sum() / 7.0)
    )


def q18(t: Frames) -> pl.LazyFrame:
    """Large volume customers."""
    large = t["lineitem"].group_by("l_orderkey").agg(c.l_quantity.sum()).filter(c.l_quantity > 70)
    return (
        t["orders"]
        .join(large.select("l_orderkey"), left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .join(t["lineitem"], left_on="o_orderkey", right_on="l_orderkey")
        .join(t["customer"], left_on="o_custkey", right_on="c_custkey")
        .group_by("c_name", "o_custkey", "o_orderkey", "o_orderdate", "o_totalprice")
        .agg(quantity=c.l_quantity.sum())
        .sort("o_totalprice", "o_orderdate", descending=[True, False])
        .head(100)
    )


def q19(t: Frames) -> pl.LazyFrame:
    """Discounted revenue."""
    choices = [
        ("Brand#12", ["SM CASE", "SM PACK"], 1, 11, 5),
        ("Brand#23", ["MED BAG", "MED BOX"], 10, 20, 10),
        ("Brand#34", ["LG BOX"], 20, 30, 15),
    ]
    wanted = [
        (c.p_brand == brand)
        & c.p_container.is_in(containers)
        & c.l_quantity.is_between(low, high)
        & c.p_size.is_between(1, size)
        for brand, containers, low, high, size in choices
    ]
    return (
        t["part"]
        .join(t["lineitem"], left_on="p_partkey", right_on="l_partkey")
        .filter(c.l_shipmode.is_in(["AIR", "AIR REG"]), c.l_shipinstruct == "DELIVER IN PERSON")
        .filter(pl.any_horizontal(wanted))
        .select(revenue=REVENUE.sum())
    )


def q20(t: Frames) -> pl.LazyFrame:
    """Potential part promotion."""
    shipped = (
        t["lineitem"]
        .filter(c.l_shipdate.is_between(_day(1994, 1), _day(1997, 1), closed="left"))
        .group_by("l_partkey", "l_suppkey")
        .agg(half=0.5 * c.l_quantity.sum())
    )
    forest = t["part"].filter(c.p_name.str.starts_with("forest"))
    suppliers = (
        t["partsupp"]
        .join(forest, left_on="ps_partkey", right_on="p_partkey", how="semi")
        .join(shipped, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .filter(c.ps_availqty > c.half)
    )
    return (
        t["supplier"]
        .join(suppliers, left_on="s_suppkey", right_on="ps_suppkey", how="semi")
        .join(t["nation"].filter(c.n_name == "CANADA"), left_on="s_nationkey", right_on="n_nationkey")
        .select("s_name", "s_address")
        .sort("s_name")
    )


def q21(t: Frames) -> pl.LazyFrame:
    """Suppliers who kept orders waiting."""
    several = t["lineitem"].group_by("l_orderkey").agg(suppliers=c.l_suppkey.n_unique()).filter(c.suppliers > 1)
    late = t["lineitem"].filter(c.l_receiptdate > c.l_commitdate)
    waiting = late.join(several, on="l_orderkey")
    alone = waiting.group_by("l_orderkey").agg(late_suppliers=c.l_suppkey.n_unique())
    return (
        waiting.join(alone, on="l_orderkey")
        .filter(c.late_suppliers == 1)
        .join(t["supplier"], left_on="l_suppkey", right_on="s_suppkey")
        .join(t["nation"], left_on="s_nationkey", right_on="n_nationkey")
        .join(t["orders"], left_on="l_orderkey", right_on="o_orderkey")
        .filter(c.n_name == "SAUDI ARABIA", c.o_orderstatus == "F")
        .group_by("s_name")
        .agg(numwait=pl.len())
        .sort("numwait", "s_name", descending=[True, False])
        .head(100)
    )


def q22(t: Frames) -> pl.LazyFrame:
    """Global sales opportunity."""
    chosen = (
        t["customer"].with_columns(cntrycode=c.c_phone.str.slice(0, 2)).filter(c.cntrycode.is_in(["13", "31", "23"]))
    )
    average = chosen.filter(c.c_acctbal > 0).select(average=c.c_acctbal.mean())
    few = t["orders"].filter(c.o_orderstatus == "F")
    return (
        chosen.join(few, left_on="c_custkey", right_on="o_custkey", how="anti")
        .join(average, how="cross")
        .filter(c.c_acctbal > c.average)
        .group_by("cntrycode")
        .agg(numcust=pl.len(), totacctbal=c.c_acctbal.sum())
        .sort("cntrycode")
    )


QUERIES: tuple[Callable[[Frames], pl.LazyFrame], ...] = (
    *(q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11),
    *(q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22),
)
"""The queries in order, each from the eight tables to its result."""
