"""Statistics of a few repeated measurements: medians, percentiles, and how far a median can be trusted."""

from __future__ import annotations

import math
from typing import NamedTuple, Optional, Sequence


def percentile(values: Sequence[float], p: float) -> float:
    """The p-th percentile (0 to 100), interpolated linearly as k6 does it."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    rank = p / 100 * (len(ordered) - 1)
    low = math.floor(rank)
    high = math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def median(values: Sequence[float]) -> float:
    return percentile(values, 50)


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else math.nan


class Estimate(NamedTuple):
    """A median with its interval; the interval is None with too few values to have one."""

    value: float
    low: Optional[float]
    high: Optional[float]
    coverage: Optional[float]
    n: int


def estimate(values: Sequence[float], wanted: float = 0.95) -> Estimate:
    """The median and its distribution-free interval from order statistics.

    The k-th smallest and k-th largest of n values enclose the true median with probability 1 - 2 P(B < k), where B is
    binomial(n, 1/2). The narrowest interval that covers at least `wanted` is taken; where even the whole range covers
    less (n < 6: 5 values reach 93.75 %), the range is given with the coverage it has. Fewer than four values have none.
    """
    ordered = sorted(values)
    n = len(ordered)
    mid = median(ordered)
    if n < 4:
        return Estimate(mid, None, None, None, n)
    best_k, best_coverage = 1, 1 - 2 * 0.5**n
    tail = 0.5**n
    for k in range(2, n // 2 + 1):
        tail += math.comb(n, k - 1) * 0.5**n
        if 1 - 2 * tail < wanted:
            break
        best_k, best_coverage = k, 1 - 2 * tail
    return Estimate(mid, ordered[best_k - 1], ordered[n - best_k], best_coverage, n)
