"""The features service: ticks to feature rows and bars."""
