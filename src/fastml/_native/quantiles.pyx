"""Quantiles of numeric columns from small sketches, as a mergeable fold."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libcpp.pair cimport pair
from libcpp.vector cimport vector

import numpy as np

from fastml._native.arrow_view cimport Imported, raise_native_error


cdef extern from "quantiles.hpp" namespace "fastml" nogil:
    cdef cppclass ColumnQuantiles:
        vector[pair[double, double]] weighted() except +
        bint exact() noexcept

    cdef cppclass Quantiles:
        Quantiles(int64_t, int64_t, int64_t) except +
        int64_t size() noexcept
        const ColumnQuantiles& column(int64_t) noexcept
        void update(const Imported&, const int64_t*) except +raise_native_error
        void merge(const Quantiles&) except +raise_native_error


cdef class QuantileSketch:
    """Quantiles of `n_columns` numeric columns: exact up to 4,096 values, then from a sketch.

    With the default `k` the rank of a reported quantile is within 0.5% of the rank asked for,
    99 times of 100. Null, NaN and infinities are left out.

    Parameters
    ----------
    n_columns : int
        How many columns `update` takes.
    start : int, default 0
        The place in the stream of the first row to come: the farther into it, the fewer rows are
        looked at.
    k : int, default 1024
        Room of the topmost level of the sketch, in values.
    """

    cdef Quantiles* _state

    def __cinit__(self, int64_t n_columns, int64_t start=0, int64_t k=1024):
        if n_columns < 0 or start < 0 or k < 8:
            raise ValueError(
                f"got n_columns={n_columns}, start={start}, k={k}; "
                "expected at least 0, 0 and 8"
            )
        self._state = new Quantiles(n_columns, start, k)

    def __dealloc__(self):
        del self._state

    def update(self, batch, column_indices):
        """Take in the columns of a record batch whose indices are given, (n_columns,).

        Raises
        ------
        ValueError
            If a column is not numeric, boolean, a date or time, or the null type.
        """
        cdef const int64_t[::1] indices = np.ascontiguousarray(column_indices, dtype=np.int64)
        if indices.shape[0] != self._state.size():
            raise ValueError(
                f"got {indices.shape[0]} column indices for a state of {self._state.size()}"
            )
        if indices.shape[0] == 0:
            return
        cdef Imported* imported = new Imported(<PyObject*>batch)
        try:
            with nogil:
                self._state.update(imported[0], &indices[0])
        finally:
            del imported

    def merge(self, QuantileSketch other not None):
        """Take in another state of the same columns, whose rows follow this one's.

        Raises
        ------
        ValueError
            If the number of columns differs, or `other` is this state.
        """
        if other._state.size() != self._state.size():
            raise ValueError(
                f"cannot merge {other._state.size()} columns into {self._state.size()}"
            )
        if other is self:
            raise ValueError("cannot merge a state into itself")
        with nogil:
            self._state.merge(other._state[0])

    @property
    def exact(self):
        """Whether every value of a column is still held, bool (n_columns,)."""
        return np.array([self._state.column(i).exact() for i in range(self._state.size())], bool)

    def items(self, int64_t column):
        """Return the values kept of a column, ascending, and what each stands for.

        Returns
        -------
        values, weights : ndarray of float64
            The weights are numbers of rows, whole powers of two.
        """
        if not 0 <= column < self._state.size():
            raise IndexError(f"column {column} is not below {self._state.size()}")
        cdef vector[pair[double, double]] kept = self._state.column(column).weighted()
        values, weights = np.empty(kept.size()), np.empty(kept.size())
        cdef double[::1] v = values
        cdef double[::1] w = weights
        cdef size_t i
        for i in range(kept.size()):
            v[i] = kept[i].first
            w[i] = kept[i].second
        return values, weights

    def column_quantile(self, int64_t column, q):
        """Return quantiles of one column, float64 (len(q),); see `quantile`."""
        q = np.atleast_1d(np.asarray(q, dtype=np.float64))
        if not ((q >= 0) & (q <= 1)).all():
            raise ValueError(f"q is {q.tolist()}; expected numbers between 0 and 1")
        values, weights = self.items(column)
        if len(values) == 0:
            return np.full(len(q), np.nan)
        behind = np.cumsum(weights)
        # The places in the list in which each value stands as often as its weight says.
        place = q * (weights.sum() - 1)
        below = np.floor(place)
        last = len(values) - 1
        lower = values[np.minimum(np.searchsorted(behind, below, side="right"), last)]
        upper = values[np.minimum(np.searchsorted(behind, below + 1, side="right"), last)]
        share = place - below
        # As numpy does it: exact at both ends.
        return np.where(
            share < 0.5,
            lower + (upper - lower) * share,
            upper - (upper - lower) * (1 - share),
        )

    def quantile(self, q):
        """Return quantiles of each column, float64 (n_columns, len(q)); NaN where it has no value.

        Parameters
        ----------
        q : array_like (m,)
            Between 0 and 1. Between two values the result is interpolated as by numpy.quantile,
            with which it agrees while the sketch is exact.
        """
        rows = [self.column_quantile(i, q) for i in range(self._state.size())]
        return np.array(rows).reshape(len(rows), np.size(q))
