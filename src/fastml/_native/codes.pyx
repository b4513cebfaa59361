"""The code part of design rows: categories, bins of numbers, and combinations of both.

A *part* is a tuple ``(column, edges, table)``: the codes of a category, int32 (n,), with `edges`
None; or numbers, float32 (n,) with NaN for missing, and the float32 edges of their bins, ascending.
The code of a number is how many edges are at or below it. ``table[code + 1]``, int32, is what a
code becomes; -1 is missing on the way in, and nothing on the way out. Codes must be in range.
"""

from libc.stdint cimport int32_t, int64_t
from libcpp.pair cimport pair
from libcpp.vector cimport vector

import numpy as np

from fastml._native.arrow_view cimport raise_native_error


cdef extern from "codes.hpp" namespace "fastml" nogil:
    const int64_t kMostParts
    const int64_t kMostEdges

    cdef cppclass CCounts "fastml::CombinationCounts":
        CCounts(int64_t) except +
        void update(const vector[int64_t]&) except +raise_native_error
        void merge(const CCounts&) except +raise_native_error
        vector[pair[int64_t, int64_t]] items() except +

    int64_t possible_combinations(const vector[int64_t]&) except +raise_native_error
    void encode_parts(const CodePart*, int64_t, int64_t, int64_t, int32_t*) noexcept
    void encode_crosses(const CrossTask*, int64_t, int64_t, int64_t, int32_t*) noexcept
    void count_part(const CodePart&, int64_t, int64_t*) noexcept
    void combine_parts(const CodePart*, int64_t, const int64_t*, int64_t, int64_t*) noexcept


# What other modules call: the kernels are linked into this one alone.
cdef void encode_part_columns(
    const CodePart* parts, int64_t n_parts, int64_t n, int64_t stride, int32_t* rows
) noexcept nogil:
    encode_parts(parts, n_parts, n, stride, rows)


cdef void encode_cross_columns(
    const CrossTask* tasks, int64_t n_tasks, int64_t n, int64_t stride, int32_t* rows
) noexcept nogil:
    encode_crosses(tasks, n_tasks, n, stride, rows)


MOST_EDGES = int(kMostEdges)
MOST_PARTS = int(kMostParts)


cdef CodePart as_part(tuple part, int64_t n) except *:
    """Return a part; `part` must outlive it."""
    cdef CodePart found = CodePart(NULL, NULL, NULL, 0, NULL)
    cdef const int32_t[::1] codes
    cdef const float[::1] values
    cdef const float[::1] edges
    cdef const int32_t[::1] table = part[2]
    cdef int64_t length
    if part[1] is None:
        codes = part[0]
        length = codes.shape[0]
        if length:
            found.codes = &codes[0]
        if table.shape[0] == 0:
            raise ValueError("the table of a part has no entry for what is missing")
    else:
        values = part[0]
        edges = part[1]
        length = values.shape[0]
        found.n_edges = edges.shape[0]
        if found.n_edges > kMostEdges or table.shape[0] < found.n_edges + 2:
            raise ValueError(
                f"{found.n_edges} edges do not fit a table of {table.shape[0]} entries, "
                f"or are more than {kMostEdges}"
            )
        if length:
            found.values = &values[0]
        if found.n_edges:
            found.edges = &edges[0]
    if length != n:
        raise ValueError(f"a part has {length} rows; expected {n}")
    found.table = &table[0]
    return found


cdef vector[CodePart] as_parts(list parts, int64_t n) except *:
    cdef vector[CodePart] found
    for part in parts:
        found.push_back(as_part(part, n))
    return found


cdef class Combinations:
    """The known combinations of codes.

    Parameters
    ----------
    sizes : sequence of k int
        How many codes each part has.
    keys : int64 array of shape (m,)
        Ascending; ``keys[i]``, which is ``(a * sizes[1] + b) * sizes[2] + c ...``, has code i.

    Raises
    ------
    ValueError
        If keys are not ascending and in range, or the product of the sizes is over 2**62.
    """

    cdef CKnown* _known

    def __cinit__(self, sizes, const int64_t[::1] keys):
        cdef int64_t n = keys.shape[0]
        self._known = new CKnown(sizes, &keys[0] if n else NULL, n)

    def __dealloc__(self):
        del self._known

    def __len__(self):
        return self._known.size()


def n_combinations(sizes):
    """Return how many combinations there may be; a ValueError where they are over 2**62."""
    return possible_combinations(sizes)


def finish_codes(list parts, list crosses, int32_t[:, ::1] rows):
    """Turn parts and crosses into the codes of design rows.

    Parameters
    ----------
    parts : list of k parts
    crosses : list of (list of parts, Combinations, start)
        A row whose combination is known has its code, plus `start`; any other -1.
    rows : int32 array of shape (n, k + number of crosses)
        Written: a column for each part, then one for each cross.
    """
    cdef int64_t n = rows.shape[0]
    cdef int64_t k = len(parts)
    cdef int64_t width = k + len(crosses)
    cdef vector[CodePart] single
    cdef vector[vector[CodePart]] crossed
    cdef vector[CrossTask] tasks
    cdef Combinations known
    cdef size_t t
    if rows.shape[1] != width:
        raise ValueError(f"{width} columns do not fit rows of {rows.shape[1]}")
    if n == 0 or width == 0:
        return
    single = as_parts(parts, n)
    for of, known, start in crosses:
        if len(of) != <int64_t>known._known.sizes().size() or not 0 < len(of) <= kMostParts:
            raise ValueError(f"{len(of)} parts for combinations of {known._known.sizes().size()}")
        crossed.push_back(as_parts(of, n))
        tasks.push_back(CrossTask(NULL, len(of), known._known, start, k + <int64_t>tasks.size()))
    for t in range(tasks.size()):
        tasks[t].parts = crossed[t].data()
    with nogil:
        encode_parts(single.data(), k, n, width, &rows[0, 0])
        encode_crosses(tasks.data(), tasks.size(), n, width, &rows[0, 0])


def count_codes(tuple part, int64_t n, int64_t size):
    """Count the rows of each code of a part.

    Parameters
    ----------
    part : part of n rows
    n : int
    size : int
        One more than the greatest code of its table.

    Returns
    -------
    int64 array of shape (size + 1,)
        The rows without a code first.
    """
    counts = np.zeros(size + 1, np.int64)
    cdef int64_t[::1] view = counts
    cdef CodePart of = as_part(part, n)
    if n:
        with nogil:
            count_part(of, n, &view[0])
    return counts


cdef class CombinationCounts:
    """How often each combination of codes occurs, as a mergeable fold.

    Parameters
    ----------
    sizes : sequence of int
        How many codes each part has.
    room : int, default 4,194,304
        Combinations to keep, 16 bytes each: with more, `merge` forgets the rarest.

    Raises
    ------
    ValueError
        If the product of the sizes is over 2**62.
    """

    cdef CCounts* _counts
    cdef vector[int64_t] _sizes

    def __cinit__(self, sizes, int64_t room=1 << 22):
        self._sizes = sizes
        possible_combinations(self._sizes)
        self._counts = new CCounts(room)

    def __dealloc__(self):
        del self._counts

    def update(self, list parts, int64_t n):
        """Take in `n` rows of the parts; a row where one has no code counts for nothing."""
        if len(parts) != <int64_t>self._sizes.size() or not 0 < len(parts) <= kMostParts:
            raise ValueError(f"{len(parts)} parts; expected {self._sizes.size()}")
        cdef vector[CodePart] of = as_parts(parts, n)
        cdef vector[int64_t] keys
        if n == 0:
            return
        with nogil:
            keys.resize(n)
            combine_parts(of.data(), of.size(), self._sizes.data(), n, keys.data())
            self._counts.update(keys)

    def merge(self, CombinationCounts other not None):
        """Take in the counts of other rows of the same parts."""
        with nogil:
            self._counts.merge(other._counts[0])

    def items(self):
        """Return the combinations, ascending, and the rows of each, int64 arrays of shape (m,)."""
        cdef vector[pair[int64_t, int64_t]] found = self._counts.items()
        keys = np.empty(found.size(), np.int64)
        counts = np.empty(found.size(), np.int64)
        cdef int64_t[::1] k = keys
        cdef int64_t[::1] c = counts
        cdef size_t i
        for i in range(found.size()):
            k[i] = found[i].first
            c[i] = found[i].second
        return keys, counts
