"""Replay: a recorded run made again, and compared with its record."""
