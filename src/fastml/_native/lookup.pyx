"""Known categories to codes, for encoding rows after training."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from fastml._native.arrow_view cimport Column, Imported, raise_native_error


cdef extern from "lookup.hpp" namespace "fastml" nogil:
    cdef cppclass Lookup:
        Lookup(const Column&) except +raise_native_error
        int64_t size() noexcept
        void find(const Column&, int32_t*) except +raise_native_error


cdef class CategoryLookup:
    """Finds the codes of strings.

    Parameters
    ----------
    known : array of distinct strings
        A string's code is its place.
    """

    cdef Lookup* _lookup

    def __cinit__(self, known):
        cdef Imported* imported = new Imported(<PyObject*>known)
        try:
            if imported.n_columns() != 1:
                raise ValueError(f"got a record batch of {imported.n_columns()} columns, not one")
            self._lookup = new Lookup(imported.column(0))
        finally:
            del imported

    def __dealloc__(self):
        del self._lookup

    def __len__(self):
        return self._lookup.size()

    def find(self, column, int32_t[::1] codes):
        """Write the code of each row of `column` to `codes`.

        Parameters
        ----------
        column : array of n strings, plain or as a dictionary
        codes : int32 array of shape (n,)
            Written: -1 for null, the number of known strings for an unknown one.

        Raises
        ------
        ValueError
            If the column is not text, or its length is not that of `codes`.
        """
        cdef Imported* imported = new Imported(<PyObject*>column)
        try:
            if imported.n_columns() != 1 or imported.length() != codes.shape[0]:
                raise ValueError(f"{codes.shape[0]} codes for {imported.length()} rows")
            if codes.shape[0]:
                with nogil:
                    self._lookup.find(imported.column(0), &codes[0])
        finally:
            del imported
