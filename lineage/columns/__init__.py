"""Extractors of column lineage: one for polars plans, one for SQL."""
