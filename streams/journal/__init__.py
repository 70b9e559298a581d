"""The journal: everything that was on the bus as Parquet, and the gate's own synced log."""
