"""An estimate, and the interval in which the true value is likely to lie.

Every metric here is a smooth function of means over the rows, so that to first order

    estimate - truth = sum(w * psi) / sum(w)

where psi is the metric's influence on each row (Hampel 1974, "The influence curve and its role in
robust estimation"). One formula then gives every standard error, weights included, and the
standard error of a difference between two models on the same rows (the difference of their
influences). For the share of rows it is the binomial one, for ROC AUC it is DeLong's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite, nan, pi, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.errors import ConfigError
from fastml.evaluation.metrics import Metric

__all__ = [
    "Estimate",
    "effective_rows",
    "interval",
    "mean_of",
    "normal_interval",
    "quantile_of_normal",
    "quantile_of_student",
    "ratio",
    "standard_error",
    "undefined",
    "wilson_interval",
]

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value, and its influence on each row.

    Attributes
    ----------
    value : float
        NaN where the rows do not define it.
    influence : callable
        Returns the (n,) float64 influence; called only where an interval is wanted.
    support : float
        The number of rows that decide it (`effective_rows`): for the interval at its ends, and
        for how sure its standard error is.
    """

    value: float
    influence: Callable[[], Float64]
    support: float

    @property
    def defined(self) -> bool:
        """Whether the rows define a value."""
        return isfinite(self.value)


def effective_rows(weight: Float64) -> float:
    """Return how many rows of equal weight are worth as much as these, whatever the weights' unit.

    Kish 1965, Survey Sampling: `sum(w)² / sum(w²)`, the number of rows where all weigh the same.
    """
    largest = weight.max(initial=0.0)
    if largest == 0.0:
        return 0.0
    share = weight / largest  # squares of very large or small weights leave the range of floats
    return float(share.sum() ** 2 / (share @ share))


def undefined(rows: int) -> Estimate:
    """Return the estimate of a metric that these rows do not define."""
    return Estimate(nan, lambda: np.full(rows, nan), 0.0)


def ratio(above: NDArray[Any], below: NDArray[Any], weight: Float64 | None = None) -> Estimate:
    """Estimate `sum(w * above) / sum(w * below)`; zero where the denominator is zero.

    Both may be booleans or whole numbers, which are held as long as the estimate and take an eighth
    of the memory.

    The influence is `(above - value * below) / mean(below)`: Cochran, Sampling Techniques, 3rd
    edition, section 6.4.
    """
    total = _sum(below, weight)
    value = _sum(above, weight) / total if total > 0 else 0.0
    share = total / (len(below) if weight is None else float(weight.sum()))

    def influence() -> Float64:
        return (above - value * below) / share if share > 0 else np.zeros(len(below))

    rows = below.astype(np.float64) if weight is None else below * weight
    return Estimate(value, influence, effective_rows(rows))


def mean_of(estimates: Iterable[Estimate]) -> Estimate:
    """Return the plain mean of several estimates on the same rows, taken one at a time.

    Their influences are summed at once, so that of an iterator no two are held.
    """
    values, supports = [], []
    total: Float64 = np.zeros(1)
    for estimate in estimates:
        values.append(estimate.value)
        supports.append(estimate.support)
        total = total + estimate.influence()
    mean = total / len(values)
    return Estimate(sum(values) / len(values), lambda: mean, min(supports))


def standard_error(influence: Float64, weight: Float64 | None = None) -> float:
    """Return the standard error of an estimate from its influence on each row."""
    if weight is None:
        return float(sqrt(influence @ influence) / len(influence))
    weighted = influence * (weight / weight.sum())
    return float(sqrt(weighted @ weighted))


def interval(
    metric: Metric, estimate: Estimate, weight: Float64 | None, confidence: float
) -> Interval:
    """Return the interval of an estimate: Wilson's for what behaves like a share, else normal.

    Parameters
    ----------
    metric : Metric
    estimate : Estimate
        Of a defined value.
    weight : (n,) float64 or None
    confidence : float
        Such as 0.95.

    Returns
    -------
    tuple of float
        (low, high), within the metric's range.
    """
    error = standard_error(estimate.influence(), weight)
    if metric.share:
        return wilson_interval(estimate.value, error, estimate.support, confidence)
    low, high = normal_interval(estimate.value, error, confidence)
    return max(low, metric.low), min(high, metric.high)


def normal_interval(value: float, error: float, confidence: float) -> Interval:
    """Return `value` plus and minus the standard error times the normal quantile."""
    reach = quantile_of_normal(confidence) * error
    return value - reach, value + reach


def wilson_interval(value: float, error: float, support: float, confidence: float) -> Interval:
    """Return Wilson's score interval at the number of rows that the standard error implies.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference". A plain
    share has `error² = value * (1 - value) / n`, and this is Wilson's interval at n. Anything else
    in [0, 1] takes the n that would have given its standard error (the effective sample size of
    Korn and Graubard 1998), so that the interval stays in [0, 1] and leans inwards near its ends.
    Where the error is zero, at 0 and at 1, n is `support`.
    """
    value = min(max(value, 0.0), 1.0)
    spread = value * (1.0 - value)
    n = spread / error**2 if error > 0 and spread > 0 else support
    if n == 0:
        return 0.0, 1.0
    z2 = quantile_of_normal(confidence) ** 2
    centre = (value + z2 / (2 * n)) / (1 + z2 / n)
    reach = sqrt(z2 * (spread / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def quantile_of_normal(confidence: float) -> float:
    """Return z such that a standard normal lies within ±z with probability `confidence`.

    Raises
    ------
    ConfigError
        If `confidence` is not between 0 and 1.
    """
    _require_share(confidence)
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def quantile_of_student(confidence: float, freedom: float) -> float:
    """Return t such that Student's distribution lies within ±t with probability `confidence`.

    At `t = sqrt(freedom) tan(angle)` its density is `cos(angle) ** (freedom - 1)`, which is summed
    over the angle.

    Parameters
    ----------
    confidence : float
    freedom : float
        Degrees of freedom, at least 1.

    Raises
    ------
    ConfigError
        If `confidence` is not between 0 and 1.
    """
    _require_share(confidence)
    angle = np.linspace(0.0, min(pi / 2, 40.0 / sqrt(freedom)), 20_001)
    density = np.cos(angle) ** (freedom - 1.0)
    within = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    found = np.interp(confidence, within / within[-1], angle)
    return float(sqrt(freedom) * np.tan(found))


def _require_share(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ConfigError(
            f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95"
        )


def _sum(values: NDArray[Any], weight: Float64 | None) -> float:
    return float(values.sum() if weight is None else values @ weight)
