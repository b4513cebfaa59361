"""Drops the fewest numeric columns so that no two of those left nearly repeat each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from fastml._typing import Bool, Float64
from fastml.errors import ConfigError, not_fitted
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.statistics import matrix_moments
from fastml.preprocessing.vertex_cover import independent_set

__all__ = ["CorrelationPruner", "PruneDecision", "StandIn"]

LEAST_OVERLAP = 10
"""Rows where both of a pair are present, below which their correlation says nothing."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A dropped column, the kept one that stands for it, and their correlation."""

    dropped: str
    kept: str
    correlation: float

    def __str__(self) -> str:
        """Say why the column was dropped."""
        return f"repeats column {self.kept!r} (correlation {self.correlation:.4f})"


@dataclass(frozen=True, slots=True, eq=False)
class PruneDecision:
    """What a threshold drops.

    Parameters
    ----------
    threshold : float
    kept : tuple of str
        The columns that stay, in their order.
    dropped : tuple of StandIn
        The columns that go, in their order, each with the most correlated of those that stay.
    support : tuple of bool
        Whether each column stays; by place, since names may repeat.
    exact : bool
        Whether fewer are known to be impossible; False where a group of columns that repeat one
        another was too large to search (`vertex_cover.EXACT_SIZE`).
    """

    threshold: float
    kept: tuple[str, ...]
    dropped: tuple[StandIn, ...]
    support: tuple[bool, ...]
    exact: bool
    _names: tuple[str, ...] = field(repr=False)
    _correlation: Float64 = field(repr=False)
    _missing: tuple[int, ...] = field(repr=False)
    _keep: frozenset[str] = field(repr=False)

    def reasons(self) -> dict[str, str]:
        """Return why each dropped column was dropped, in words."""
        return {each.dropped: str(each) for each in self.dropped}

    def cost_of(self, threshold: float) -> PruneDecision:
        """Return the decision that another threshold would take on the same columns."""
        return decide(self._names, self._correlation, self._missing, threshold, self._keep)


def decide(
    names: Sequence[str],
    correlation: Float64,
    missing: Sequence[int],
    threshold: float,
    keep: Collection[str] = (),
) -> PruneDecision:
    """Drop the fewest columns so that no remaining pair has ``|r| > threshold``.

    Of equally small choices, the one whose kept columns have the fewest missing values.

    Parameters
    ----------
    names : sequence of k str
    correlation : float64 array of shape (k, k)
        Symmetric; NaN where a pair has none, which never drops anything.
    missing : sequence of k int
        Missing values of each column.
    threshold : float
        Between 0 and 1.
    keep : collection of str
        Columns that stay whatever they repeat (what repeats them goes).
    """
    if not 0.0 <= threshold <= 1.0:
        raise ConfigError(f"threshold is {threshold!r}; expected a number between 0 and 1")
    strength = np.abs(np.nan_to_num(np.asarray(correlation, dtype=np.float64)))
    np.fill_diagonal(strength, 0.0)
    above = strength > threshold
    stays = np.array([name in keep for name in names], dtype=np.bool_)
    free = np.flatnonzero(~stays & ~above[:, stays].any(axis=1))
    chosen, exact = _largest_set(
        above[np.ix_(free, free)], [int(missing[j]) for j in free.tolist()]
    )
    stays[free[chosen]] = True
    dropped = []
    for j in np.flatnonzero(~stays).tolist():
        stand_in = int(np.argmax(np.where(stays, strength[j], -1.0)))
        dropped.append(StandIn(names[j], names[stand_in], float(correlation[j, stand_in])))
    kept = tuple(name for name, stay in zip(names, stays, strict=True) if stay)
    return PruneDecision(
        threshold=threshold,
        kept=kept,
        dropped=tuple(dropped),
        support=tuple(stays.tolist()),
        exact=exact,
        _names=tuple(names),
        _correlation=correlation,
        _missing=tuple(int(count) for count in missing),
        _keep=frozenset(keep),
    )


def _largest_set(above: Bool, missing: list[int]) -> tuple[list[int], bool]:
    """Return the most columns of which no pair is above, and whether that is certain."""
    neighbours = [sum(1 << int(u) for u in np.flatnonzero(row)) for row in above]
    # One column more always outweighs any difference in missing values.
    most = max(missing, default=0)
    unit = (most + 1) * (len(missing) + 1)
    chosen, exact = independent_set(neighbours, [unit + most - count for count in missing])
    return [j for j in range(len(missing)) if chosen >> j & 1], exact


class CorrelationPruner(Transformer):
    """Drop the fewest columns so that no remaining pair is correlated above a threshold.

    The fewest columns that touch every pair above the threshold are a minimum vertex cover, found
    exactly (`PruneDecision.exact` says where a group was too large for that).

    Parameters
    ----------
    threshold : float, default 0.995
        The greatest absolute Pearson correlation that two remaining columns may have. Correlations
        are taken over the rows where both are present, if there are at least 10.

    Attributes
    ----------
    decision_ : PruneDecision
        What was dropped, which column stands for it, and what another threshold would drop
        (``decision_.cost_of(0.9)``).

    Examples
    --------
    >>> metres = np.arange(20.0)
    >>> X = np.column_stack([metres, metres * 3.28, metres % 7])
    >>> pruner = CorrelationPruner().fit(X)
    >>> pruner.transform(X).shape
    (20, 2)
    >>> [f"{each.dropped} {each}" for each in pruner.decision_.dropped]
    ["x1 repeats column 'x0' (correlation 1.0000)"]
    """

    _allow_nan: ClassVar[bool] = True

    decision_: PruneDecision

    def __init__(self, threshold: float = 0.995) -> None:
        self.threshold = threshold

    def choose(
        self,
        names: Sequence[str],
        correlation: Float64,
        missing: Sequence[int],
        keep: Collection[str] = (),
    ) -> PruneDecision:
        """Decide from correlations and counts of missing values (see `decide`)."""
        return decide(names, correlation, missing, self.threshold, keep)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which columns to drop.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
            NumPy, pandas, polars or Arrow; null and NaN are missing.
        y : ignored
        """
        values = self._validate(X, reset=True)
        moments = matrix_moments(values, correlations=True)
        correlation = np.where(
            moments.pair_counts() >= LEAST_OVERLAP, moments.correlation(), np.nan
        )
        names = self._input_names(None).tolist()
        self.decision_ = self.choose(names, correlation, (len(values) - moments.count).tolist())
        return self

    def get_support(self) -> Bool:
        """Return which columns stay, bool (n_features,)."""
        if not hasattr(self, "decision_"):
            raise not_fitted(self)
        return np.array(self.decision_.support, dtype=np.bool_)

    def transform(self, X: Any) -> Any:
        """Return the columns that stay.

        Returns
        -------
        float64 array of shape (n_rows, n_kept), or what `set_output` chose
        """
        values = self._validate(X, reset=False)
        return self._wrapped(values[:, self.get_support()], X)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return the names of the columns that stay."""
        return self._input_names(input_features)[self.get_support()]
