"""Benchmarks: each case measures us beside a named reference in the same run."""
