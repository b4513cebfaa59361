"""Which fold each row is held out in."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from fastml.errors import ConfigError, DataError

__all__ = ["MOST_FOLDS", "Folds", "assign_folds"]

Folds = NDArray[np.uint16]
MOST_FOLDS = 1000
MANY_ORDERS = 1024
"""Orders of the folds to draw from: drawing one for every few rows takes ten times as long."""


def assign_folds(
    n_rows: int, folds: int, *, seed: int = 0, codes: NDArray[np.intp] | None = None
) -> Folds:
    """Deal rows out to folds at random, as evenly as can be, and evenly all along the table.

    As many consecutive rows as there are folds go to one each, in an order that is drawn.

    Parameters
    ----------
    n_rows : int
    folds : int
    seed : int
    codes : (n_rows,) intp, optional
        Classes, from 0; each is then dealt out evenly.

    Returns
    -------
    uint16 ndarray of shape (n_rows,)

    Raises
    ------
    ConfigError
        If there are fewer than two folds, or more than 1,000.
    DataError
        If there are fewer rows than folds.
    """
    if not isinstance(folds, Integral) or not 2 <= folds <= MOST_FOLDS:
        raise ConfigError(f"folds is {folds!r}; expected a whole number from 2 to {MOST_FOLDS:,}")
    if n_rows < folds:
        raise DataError(f"{folds} folds need at least one row each; found n_samples = {n_rows}")
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(folds, dtype=np.uint16), (MANY_ORDERS, 1)), axis=1)
    assigned: Folds = np.empty(n_rows, np.uint16)
    classes = np.zeros(n_rows, np.intp) if codes is None else codes
    dealt = 0
    for code in np.flatnonzero(np.bincount(classes)):
        rows = np.flatnonzero(classes == code)
        whole, rest = divmod(len(rows), folds)
        dealt_out = orders[rng.integers(0, MANY_ORDERS, whole)].ravel()
        # The next class goes on where this one ended: folds are of equal size.
        last = (np.arange(rest) + dealt) % folds
        assigned[rows] = np.concatenate([dealt_out, rng.permutation(last).astype(np.uint16)])
        dealt += len(rows)
    return assigned
