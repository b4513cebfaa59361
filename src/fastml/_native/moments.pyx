"""Count, mean, spread, extremes and correlations of numeric columns, as a mergeable fold."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

import numpy as np

from fastml._native.arrow_view cimport Imported, raise_native_error


cdef extern from "moments.hpp" namespace "fastml" nogil:
    cdef cppclass ColumnMoments:
        int64_t count
        int64_t nulls
        int64_t nans
        int64_t infinite
        double mean
        double m2
        double min
        double max

    cdef cppclass Moments:
        Moments()
        Moments(int64_t, bint) except +
        void update(const Imported&, const int64_t*) except +raise_native_error
        void merge(const Moments&) noexcept
        int64_t size() noexcept
        bint paired() noexcept
        const ColumnMoments& column(int64_t) noexcept
        double pair_count(int64_t, int64_t) noexcept
        double correlation(int64_t, int64_t) noexcept


cdef class NumericMoments:
    """Moments of `n_columns` numeric columns, block by block.

    Null and NaN are missing; infinities are counted and left out of everything else. Booleans
    are 0 and 1, dates and timestamps the integers they are stored as (as float64).

    Parameters
    ----------
    n_columns : int
        How many columns `update` takes.
    correlations : bool, default False
        Also keep the co-moments of every pair over the rows where both are present
        (24 * n_columns ** 2 bytes, and time in proportion).
    """

    cdef Moments _state

    def __init__(self, int64_t n_columns, bint correlations=False):
        if n_columns < 0:
            raise ValueError(f"n_columns is {n_columns}; expected at least 0")
        self._state = Moments(n_columns, correlations)

    def update(self, batch, column_indices):
        """Take a record batch's columns in.

        Parameters
        ----------
        batch : record batch
            Anything with `__arrow_c_array__`.
        column_indices : sequence of int, length n_columns
            Which columns of the batch are the state's.

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

    def merge(self, NumericMoments other not None):
        """Take in another state of the same columns, whose rows follow this one's.

        Raises
        ------
        ValueError
            If the number of columns, or whether correlations are kept, differs.
        """
        if (
            other._state.size() != self._state.size()
            or other._state.paired() != self._state.paired()
        ):
            raise ValueError(
                f"cannot merge moments of {other._state.size()} columns "
                f"(correlations={bool(other._state.paired())}) into moments of "
                f"{self._state.size()} (correlations={bool(self._state.paired())})"
            )
        with nogil:
            self._state.merge(other._state)

    @property
    def count(self):
        """Finite values of each column, int64 (n_columns,)."""
        return np.array(
            [self._state.column(i).count for i in range(self._state.size())], dtype=np.int64
        )

    @property
    def nulls(self):
        """Nulls of each column, int64 (n_columns,)."""
        return np.array(
            [self._state.column(i).nulls for i in range(self._state.size())], dtype=np.int64
        )

    @property
    def nans(self):
        """NaNs of each column, int64 (n_columns,)."""
        return np.array(
            [self._state.column(i).nans for i in range(self._state.size())], dtype=np.int64
        )

    @property
    def infinite(self):
        """Infinities of each column, int64 (n_columns,)."""
        return np.array(
            [self._state.column(i).infinite for i in range(self._state.size())], dtype=np.int64
        )

    @property
    def mean(self):
        """Mean of each column's finite values, float64 (n_columns,); NaN where there is none."""
        return self._over_count(lambda i: self._state.column(i).mean)

    def variance(self, int64_t ddof=0):
        """Return the variance of each column, float64 (n_columns,); NaN where count <= ddof."""
        out = np.full(self._state.size(), np.nan)
        for i in range(self._state.size()):
            if self._state.column(i).count > ddof:
                out[i] = self._state.column(i).m2 / (self._state.column(i).count - ddof)
        return out

    @property
    def min(self):
        """Least finite value of each column, float64 (n_columns,); NaN where there is none."""
        return self._over_count(lambda i: self._state.column(i).min)

    @property
    def max(self):
        """Greatest finite value of each column, float64 (n_columns,); NaN where there is none."""
        return self._over_count(lambda i: self._state.column(i).max)

    def _over_count(self, statistic):
        out = np.full(self._state.size(), np.nan)
        for i in range(self._state.size()):
            if self._state.column(i).count > 0:
                out[i] = statistic(i)
        return out

    def pair_counts(self):
        """Return the rows where both of a pair are present, int64 (n_columns, n_columns)."""
        self._check_pairs()
        k = self._state.size()
        out = np.empty((k, k), dtype=np.int64)
        cdef int64_t[:, ::1] view = out
        cdef int64_t i, j
        for i in range(k):
            for j in range(k):
                view[i, j] = (
                    self._state.column(i).count if i == j else <int64_t>self._state.pair_count(i, j)
                )
        return out

    def correlation(self):
        """Return Pearson's correlations, float64 (n_columns, n_columns).

        Each over the rows where both columns are present; NaN where one is constant there.
        """
        self._check_pairs()
        k = self._state.size()
        out = np.empty((k, k))
        cdef double[:, ::1] view = out
        cdef int64_t i, j
        for i in range(k):
            for j in range(k):
                view[i, j] = self._state.correlation(i, j)
        return out

    def _check_pairs(self):
        if not self._state.paired():
            raise ValueError("this state keeps no pairs; make it with correlations=True")
