"""The features: one file each. A module here with a ``FEATURE`` is found, compiled and published."""
