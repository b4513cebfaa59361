from libc.stdint cimport int32_t, int64_t, uint16_t
from libcpp cimport bool as cbool


cdef extern from "linear_types.hpp" namespace "fastml::linear" nogil:
    cdef cppclass Shape:
        int64_t dense, columns, codes, lanes
        int64_t rows()

    cdef cppclass Block:
        const void* dense
        const int32_t* codes
        const void* target
        const void* weight
        const uint16_t* group
        int64_t n, target_lanes
        cbool mapped


cdef void single_margins(const Shape&, const Block&, const void*, void*) noexcept nogil
