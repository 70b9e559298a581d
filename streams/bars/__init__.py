"""Bars: open, high, low, close and volume of the trades in one closed interval of event time."""

from streams.bars.processor import BarProcessor, BarStatistics

__all__ = ["BarProcessor", "BarStatistics"]
