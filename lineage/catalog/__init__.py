"""The catalog: the SQLite store of all records."""
