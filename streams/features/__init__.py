"""Features: numbers computed only from the past, one row a tick.

Adding one is adding a file to ``streams/features/library``.
"""

from streams.features.feature import Feature, FeatureInvalid
from streams.features.processor import FeatureProcessor, FeatureStatistics
from streams.features.registry import UnknownFeatureSet, features_of

__all__ = [
    "Feature",
    "FeatureInvalid",
    "FeatureProcessor",
    "FeatureStatistics",
    "UnknownFeatureSet",
    "features_of",
]
