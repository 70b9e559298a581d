"""The quantiles that every distribution is reported by."""

from collections.abc import Sequence

import numpy as np

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max of durations in seconds, as milliseconds. At least one duration."""
    values = np.quantile(np.asarray(seconds) * 1e3, list(QUANTILES.values()))
    return dict(zip(QUANTILES, values.tolist(), strict=True))
