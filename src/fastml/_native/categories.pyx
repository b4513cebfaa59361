"""Distinct strings of a column, their counts and the code of each row, as a mergeable fold."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

import numpy as np

from fastml._native.arrow_view cimport Column, Imported, raise_native_error


cdef extern from "categories.hpp" namespace "fastml" nogil:
    cdef cppclass StringTable:
        int64_t size() noexcept
        const vector[char]& bytes() noexcept
        const vector[int64_t]& offsets() noexcept

    cdef cppclass CodeSink:
        char* at
        int64_t stride

    cdef cppclass Categories:
        Categories(int64_t, int64_t) except +
        const StringTable& table() noexcept
        const vector[int64_t]& counts() noexcept
        int64_t nulls() noexcept
        int64_t others() noexcept
        void update(const Column&, CodeSink) except +raise_native_error
        void merge(const Categories&, int32_t*) except +raise_native_error


cdef class CategoryCounts:
    """The distinct strings of a column in order of first appearance, and their counts.

    A string's code is its place in that order; of null it is -1. The order is that of the rows,
    whether they come as plain strings or as dictionaries.

    Parameters
    ----------
    max_categories : int, default 1_000_000
        Strings to keep. A new string after that many is only counted, in `others`: code -2.
    max_bytes : int, default 256 MiB
        Bytes of UTF-8 to keep, likewise.
    """

    cdef Categories* _state

    def __cinit__(self, int64_t max_categories=1_000_000, int64_t max_bytes=1 << 28):
        if not 0 <= max_categories < 2**31 - 1:
            raise ValueError(f"max_categories is {max_categories}; expected 0 to 2**31 - 2")
        self._state = new Categories(max_categories, max_bytes)

    def __dealloc__(self):
        del self._state

    def __len__(self):
        return self._state.table().size()

    def update(self, column, int32_t[:] out=None):
        """Count a column's strings and, where `out` is given, write each row's code to it.

        Parameters
        ----------
        column : array
            Strings or a dictionary of strings, by `__arrow_c_array__`.
        out : int32 array (rows,), optional
            Of any stride.

        Raises
        ------
        ValueError
            If the column is not text, or `out` has another length.
        """
        cdef CodeSink sink
        cdef Imported* imported = new Imported(<PyObject*>column)
        try:
            if imported.n_columns() != 1:
                raise ValueError(f"got a record batch of {imported.n_columns()} columns, not one")
            sink.at = NULL
            sink.stride = 0
            if out is not None:
                if out.shape[0] != imported.length():
                    raise ValueError(f"out has {out.shape[0]} places for {imported.length()} rows")
                if out.shape[0] > 0:
                    sink.at = <char*>&out[0]
                    sink.stride = out.strides[0]
            with nogil:
                self._state.update(imported.column(0), sink)
        finally:
            del imported

    def merge(self, CategoryCounts other not None):
        """Take in another state, whose rows follow this one's.

        Returns
        -------
        ndarray of int32 (len(other),)
            The code here of each of the other's codes; -2 where there was no room for it.
        """
        if other is self:
            raise ValueError("cannot merge a state into itself")
        remap = np.empty(other._state.table().size(), dtype=np.int32)
        cdef int32_t[::1] view = remap
        cdef int32_t* to = &view[0] if view.shape[0] > 0 else NULL
        with nogil:
            self._state.merge(other._state[0], to)
        return remap

    @property
    def overflowed(self):
        """Whether a string was met for which there was no room."""
        return self._state.others() > 0

    @property
    def others(self):
        """Rows whose string is not among the categories for want of room."""
        return self._state.others()

    @property
    def nulls(self):
        """Rows that are null."""
        return self._state.nulls()

    def counts(self):
        """Return the rows of each category, int64 (len(self),)."""
        cdef const vector[int64_t]* counts = &self._state.counts()
        out = np.empty(counts.size(), dtype=np.int64)
        cdef int64_t[::1] view = out
        if view.shape[0] > 0:
            memcpy(&view[0], counts.data(), counts.size() * sizeof(int64_t))
        return out

    def categories(self):
        """Return the categories by code: a pyarrow array, large_string only above 2 GiB."""
        import pyarrow as pa

        cdef const StringTable* table = &self._state.table()
        cdef int64_t n = table.size()
        cdef const int64_t* offsets = table.offsets().data()
        cdef int64_t n_bytes = offsets[n]
        starts = np.empty(n + 1, dtype=np.int64)
        cdef int64_t[::1] view = starts
        memcpy(&view[0], offsets, (n + 1) * sizeof(int64_t))
        data = pa.py_buffer(table.bytes().data()[:n_bytes] if n_bytes > 0 else b"")
        if n_bytes < 2**31:
            starts = starts.astype(np.int32)
            return pa.StringArray.from_buffers(n, pa.py_buffer(starts), data)
        return pa.LargeStringArray.from_buffers(n, pa.py_buffer(starts), data)
