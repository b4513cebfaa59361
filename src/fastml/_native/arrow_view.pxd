from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cdef extern from "arrow_view.hpp" namespace "fastml" nogil:
    void raise_native_error()

    cdef enum class Kind(int):
        null
        boolean
        int8
        int16
        int32
        int64
        uint8
        uint16
        uint32
        uint64
        float32
        float64
        string
        large_string
        structure
        other

    cdef cppclass Column:
        Column() noexcept
        Kind kind
        int64_t length
        int64_t offset
        const void* values
        const void* offsets
        const Column* dictionary
        const char* name

    cdef cppclass Imported:
        Imported()
        Imported(PyObject*) except +raise_native_error
        int64_t length() noexcept
        int64_t n_columns() noexcept
        const Column& column(int64_t) noexcept
