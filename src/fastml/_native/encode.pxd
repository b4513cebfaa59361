from libc.stdint cimport int64_t

from fastml._native.arrow_view cimport Column, Kind


cdef extern from "encode.hpp" namespace "fastml" nogil:
    struct DenseColumn:
        double shift
        float offset
        float factor
        float fill
        int64_t column
        int64_t indicator

    struct DenseCounts:
        int64_t missing
        int64_t infinite

    struct DenseTask:
        Column from_ "from"
        DenseColumn to
        DenseCounts counts

    bint is_numeric(Kind) noexcept


cdef void encode_columns(DenseTask*, int64_t, int64_t, int64_t, float*) noexcept nogil
