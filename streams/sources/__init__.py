"""Sources of market data: files and a generator, merged, batched and paced by event time."""

from streams.sources.dataset import Dataset, DatasetOptions, packaged_es
from streams.sources.errors import SourceInvalid
from streams.sources.synthetic import Synthetic, SyntheticOptions
from streams.sources.ticks import Source, Ticks, sliced

__all__ = [
    "Dataset",
    "DatasetOptions",
    "Source",
    "SourceInvalid",
    "Synthetic",
    "SyntheticOptions",
    "Ticks",
    "packaged_es",
    "sliced",
]
