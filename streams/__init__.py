"""Events on their way: the bus, the journal, features, bars, strategies and sources."""
