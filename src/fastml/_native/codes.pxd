from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

from fastml._native.arrow_view cimport raise_native_error


cdef extern from "codes.hpp" namespace "fastml" nogil:
    struct CodePart:
        const int32_t* codes
        const float* values
        const float* edges
        int64_t n_edges
        const int32_t* table

    cdef cppclass CKnown "fastml::Combinations":
        CKnown(vector[int64_t], const int64_t*, int64_t) except +raise_native_error
        int64_t size() noexcept
        const vector[int64_t]& sizes() noexcept

    struct CrossTask:
        const CodePart* parts
        int64_t n_parts
        const CKnown* known
        int32_t start
        int64_t column


cdef void encode_part_columns(const CodePart*, int64_t, int64_t, int64_t, int32_t*) noexcept nogil
cdef void encode_cross_columns(const CrossTask*, int64_t, int64_t, int64_t, int32_t*) noexcept nogil
