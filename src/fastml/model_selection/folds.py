"""Which fold each row is held out in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastml.errors import ConfigError, DataError

__all__ = ["MOST_FOLDS", "Folds", "assign_folds"]

Folds = NDArray[np.uint16]
MOST_FOLDS = 1000


def assign_folds(
    n_rows: int, folds: int, *, seed: int = 0, codes: NDArray[np.intp] | None = None
) -> Folds:
    """Deal rows out to folds at random, as evenly as can be.

    Parameters
    ----------
    n_rows : int
    folds : int
    seed : int
    codes : (n_rows,) intp, optional
        Classes; each is then dealt out evenly.

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
    if not 2 <= folds <= MOST_FOLDS:
        raise ConfigError(f"folds is {folds}; expected 2 to {MOST_FOLDS:,}")
    if n_rows < folds:
        raise DataError(f"{folds} folds need at least one row each; found n_samples = {n_rows}")
    rng = np.random.default_rng(seed)
    assigned: Folds = np.empty(n_rows, np.uint16)
    classes = np.zeros(n_rows, np.intp) if codes is None else codes
    dealt = 0
    for code in np.unique(classes):
        rows = np.flatnonzero(classes == code)
        labels = ((np.arange(len(rows)) + dealt) % folds).astype(np.uint16)
        rng.shuffle(labels)
        assigned[rows] = labels
        dealt += len(rows)  # the next class goes on where this one ended: folds are of equal size
    return assigned
