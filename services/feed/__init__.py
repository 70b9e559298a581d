"""The feed: plays sources of market data into the bus."""
