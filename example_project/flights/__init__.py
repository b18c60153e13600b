"""New York flights of 2013 as a Headwater project. Read it in this order:

1. ``partitions.py``: the slices of time that the tables are made in;
2. ``raw.py``: five CSV files, declared as sources;
3. ``staging.py``: clean tables of them, in polars;
4. ``../sql/staging``: two more, in SQL;
5. ``facts.py``: one row a flight, joined with the weather, and a threshold that is a setting;
6. ``marts.py``: what people look at, in polars, pandas and SQL;
7. ``../sql/marts``: the rest of it, one query a file.
"""
