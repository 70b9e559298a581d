"""What decides: deterministic on integers, without a clock, I/O or randomness."""
