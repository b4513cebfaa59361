"""How many distinct values each column has, as a mergeable fold."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libcpp.vector cimport vector

import numpy as np

from fastml._native.arrow_view cimport Column, Imported, raise_native_error


cdef extern from "distinct.hpp" namespace "fastml" nogil:
    cdef cppclass Distinct:
        Distinct()
        Distinct(bint few) noexcept
        bint exact() noexcept
        double estimate() noexcept
        void update(const Column&, int64_t, int64_t) except +raise_native_error
        void merge(const Distinct&) except +raise_native_error


cdef class DistinctCounts:
    """Distinct values of `n_columns` columns: exact up to 1,024, then within 0.81% (one sigma).

    Null and NaN are no values; -0.0 is 0.0. Of a dictionary, the strings that occur are counted.

    Parameters
    ----------
    n_columns : int
        How many columns `update` takes.
    few : sequence of int
        Columns of which no more is asked than whether they have more than 1,024 distinct values;
        the estimate of those that have is infinite. It costs next to nothing.
    """

    cdef vector[Distinct] _columns

    def __init__(self, int64_t n_columns, few=()):
        cdef int64_t column
        if n_columns < 0:
            raise ValueError(f"n_columns is {n_columns}; expected at least 0")
        self._columns = vector[Distinct](n_columns)
        for column in few:
            if not 0 <= column < n_columns:
                raise ValueError(f"few names the column {column} of {n_columns}")
            self._columns[column] = Distinct(True)

    def update(self, batch, column_indices):
        """Take in the columns of a record batch whose indices are given, (n_columns,).

        Raises
        ------
        ValueError
            If a column is neither text nor numeric, boolean, a date or time.
        """
        cdef const int64_t[::1] indices = np.ascontiguousarray(column_indices, dtype=np.int64)
        cdef Imported* imported = NULL
        cdef int64_t i
        if <size_t>indices.shape[0] != self._columns.size():
            raise ValueError(
                f"got {indices.shape[0]} column indices for a state of {self._columns.size()}"
            )
        imported = new Imported(<PyObject*>batch)
        try:
            for i in range(indices.shape[0]):
                if not 0 <= indices[i] < imported.n_columns():
                    raise ValueError(
                        f"column index {indices[i]} is not below {imported.n_columns()}"
                    )
            with nogil:
                for i in range(indices.shape[0]):
                    self._columns[i].update(imported.column(indices[i]), 0, imported.length())
        finally:
            del imported

    def update_column(self, int64_t column, array):
        """Take in an array as one of the columns alone.

        Raises
        ------
        ValueError
            If the array is neither text nor numeric, boolean, a date or time.
        """
        if not 0 <= column < <int64_t>self._columns.size():
            raise IndexError(f"column {column} is not below {self._columns.size()}")
        cdef Imported* imported = new Imported(<PyObject*>array)
        try:
            if imported.n_columns() != 1:
                raise ValueError(f"got a record batch of {imported.n_columns()} columns, not one")
            with nogil:
                self._columns[column].update(imported.column(0), 0, imported.length())
        finally:
            del imported

    def merge(self, DistinctCounts other not None):
        """Take in another state of the same columns.

        Raises
        ------
        ValueError
            If the number of columns differs.
        """
        if other._columns.size() != self._columns.size():
            raise ValueError(
                f"cannot merge {other._columns.size()} columns into {self._columns.size()}"
            )
        if other is self:
            return
        cdef size_t i
        with nogil:
            for i in range(self._columns.size()):
                self._columns[i].merge(other._columns[i])

    def estimate(self):
        """Return the number of distinct values of each column, float64 (n_columns,)."""
        return np.array([self._columns[i].estimate() for i in range(self._columns.size())], float)

    @property
    def exact(self):
        """Whether each column's number is exact, bool (n_columns,)."""
        return np.array([self._columns[i].exact() for i in range(self._columns.size())], bool)
