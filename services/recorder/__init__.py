"""The recorder: everything on the bus, kept as Parquet."""
