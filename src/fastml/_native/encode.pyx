"""Numbers of record batches into the dense part of design rows: float32, imputed and scaled."""

import numpy as np

from cpython.object cimport PyObject
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libcpp.vector cimport vector

from fastml._native.arrow_view cimport Column, Imported, Kind


cdef extern from "encode.hpp" namespace "fastml" nogil:
    void encode_dense(DenseTask*, int64_t, int64_t, int64_t, float*) noexcept


# What other modules call: the kernels are linked into this one alone.
cdef void encode_columns(
    DenseTask* tasks, int64_t n_tasks, int64_t n, int64_t stride, float* rows
) noexcept nogil:
    encode_dense(tasks, n_tasks, n, stride, rows)


cdef counts_of(vector[DenseTask]& tasks):
    missing = np.empty(tasks.size(), dtype=np.int64)
    infinite = np.empty(tasks.size(), dtype=np.int64)
    cdef int64_t[::1] m = missing
    cdef int64_t[::1] f = infinite
    cdef size_t t
    for t in range(tasks.size()):
        m[t] = tasks[t].counts.missing
        f[t] = tasks[t].counts.infinite
    return missing, infinite


def stage_dense(batch, const int64_t[::1] columns, const double[::1] shift, float[:, ::1] staged):
    """Keep `float32(value - shift)` of numeric columns until their statistics are known.

    Parameters
    ----------
    batch : record batch of n rows
    columns : int64 array of shape (k,)
        Which of the batch's columns; each must be numeric or boolean.
    shift : float64 array of shape (k,)
    staged : float32 array of shape (k, n)
        Written: a row for each column, NaN where a value is null or NaN.

    Returns
    -------
    missing, infinite : int64 arrays of shape (k,)
    """
    cdef Imported* rows = new Imported(<PyObject*>batch)
    cdef vector[DenseTask] tasks
    cdef DenseTask task
    cdef int64_t k = columns.shape[0]
    cdef int64_t n = rows.length()
    cdef int64_t j
    try:
        if shift.shape[0] != k or staged.shape[0] != k or staged.shape[1] != n:
            raise ValueError(
                f"{k} columns of {n} rows do not fit {shift.shape[0]} shifts and "
                f"{staged.shape[0]} x {staged.shape[1]} values"
            )
        for j in range(k):
            task.from_ = checked_column(rows, columns[j])
            task.to = DenseColumn(shift[j], 0.0, 1.0, NAN, j * n, -1)
            task.counts = DenseCounts(0, 0)
            tasks.push_back(task)
        if n and k:
            with nogil:
                encode_dense(tasks.data(), k, n, 1, &staged[0, 0])
        return counts_of(tasks)
    finally:
        del rows


cdef Column checked_column(Imported* rows, int64_t i) except *:
    if i < 0 or i >= rows.n_columns():
        raise IndexError(f"column {i} of {rows.n_columns()}")
    cdef Column column = rows.column(i)
    if not is_numeric(column.kind) or column.dictionary != NULL:
        raise TypeError(f"column {column.name.decode()!r} is not numeric")
    return column


cdef class DenseEncoder:
    """Imputes and scales numeric columns into the dense part of a design block.

    Parameters
    ----------
    shift : float64 array of shape (k,)
    offset, factor, fill : float32 arrays of shape (k,)
        ``out = (float32(x - shift) - offset) * factor``, and `fill` where x is missing.
    column : int64 array of shape (k,)
        Where in a row each value goes.
    indicator : int64 array of shape (k,)
        Where in a row 1 (missing) or 0 goes; -1 for nowhere.
    """

    cdef vector[DenseColumn] to

    def __init__(
        self,
        const double[::1] shift,
        const float[::1] offset,
        const float[::1] factor,
        const float[::1] fill,
        const int64_t[::1] column,
        const int64_t[::1] indicator,
    ):
        cdef int64_t j
        cdef int64_t k = shift.shape[0]
        if not (
            k == offset.shape[0] == factor.shape[0] == fill.shape[0]
            and k == column.shape[0] == indicator.shape[0]
        ):
            raise ValueError("the parameters of the dense columns differ in length")
        for j in range(k):
            self.to.push_back(
                DenseColumn(shift[j], offset[j], factor[j], fill[j], column[j], indicator[j])
            )

    cdef check_rows(self, float[:, ::1] rows, int64_t n):
        cdef int64_t last = -1
        cdef size_t j
        for j in range(self.to.size()):
            last = max(last, max(self.to[j].column, self.to[j].indicator))
        if rows.shape[0] != n or rows.shape[1] <= last:
            raise ValueError(
                f"{n} rows of {last + 1} values do not fit {rows.shape[0]} x {rows.shape[1]}"
            )

    def encode(self, batch, const int64_t[::1] columns, float[:, ::1] rows):
        """Encode columns of a record batch.

        Parameters
        ----------
        batch : record batch of n rows
        columns : int64 array of shape (k,)
            Which of the batch's columns; each must be numeric or boolean.
        rows : float32 array of shape (n, n_dense)
            Written.

        Returns
        -------
        missing, infinite : int64 arrays of shape (k,)
        """
        cdef Imported* source = new Imported(<PyObject*>batch)
        cdef vector[DenseTask] tasks
        cdef DenseTask task
        cdef size_t j
        cdef int64_t n = source.length()
        try:
            if columns.shape[0] != <int64_t>self.to.size():
                raise ValueError(f"{columns.shape[0]} columns; expected {self.to.size()}")
            self.check_rows(rows, n)
            for j in range(self.to.size()):
                task.from_ = checked_column(source, columns[j])
                task.to = self.to[j]
                task.counts = DenseCounts(0, 0)
                tasks.push_back(task)
            if n and tasks.size():
                with nogil:
                    encode_dense(tasks.data(), tasks.size(), n, rows.shape[1], &rows[0, 0])
            return counts_of(tasks)
        finally:
            del source

    def finish(self, const float[:, ::1] staged, const int64_t[::1] columns, float[:, ::1] rows):
        """Encode columns that `stage_dense` kept with this encoder's shift.

        Parameters
        ----------
        staged : float32 array of shape (k_staged, n)
        columns : int64 array of shape (k,)
            Which of the staged rows.
        rows : float32 array of shape (n, n_dense)
            Written: bit for bit what `encode` writes.
        """
        cdef vector[DenseTask] tasks
        cdef DenseTask task
        cdef size_t j
        cdef int64_t n = staged.shape[1]
        if columns.shape[0] != <int64_t>self.to.size():
            raise ValueError(f"{columns.shape[0]} columns; expected {self.to.size()}")
        self.check_rows(rows, n)
        if n == 0:
            return
        for j in range(self.to.size()):
            if columns[j] < 0 or columns[j] >= staged.shape[0]:
                raise IndexError(f"column {columns[j]} of {staged.shape[0]}")
            task.from_ = Column()
            task.from_.kind = Kind.float32
            task.from_.length = n
            task.from_.values = &staged[columns[j], 0]
            task.to = self.to[j]
            task.to.shift = 0.0  # already taken off: float32(double(v) - 0) is v
            task.counts = DenseCounts(0, 0)
            tasks.push_back(task)
        if tasks.size():
            with nogil:
                encode_dense(tasks.data(), tasks.size(), n, rows.shape[1], &rows[0, 0])
