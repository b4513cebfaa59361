"""From margins to probabilities, and from those to calibrated ones."""

from libc.stdint cimport int64_t

import numpy as np


cdef extern from "link.hpp" namespace "fastml::link" nogil:
    const double kNearest
    double c_logistic "fastml::link::logistic"(double) noexcept
    void c_softmax "fastml::link::softmax"(double*, int64_t) noexcept
    double c_platt "fastml::link::platt"(double, double, double) noexcept
    void c_temper "fastml::link::temper"(double*, int64_t, double) noexcept
    double c_interpolate "fastml::link::interpolate"(
        double, const double*, const double*, int64_t
    ) noexcept


NEAREST = kNearest


def logistic(margins):
    """Return ``1 / (1 + exp(-margin))``, float64 of the same shape."""
    out = np.array(margins, np.float64, order="C")
    cdef double[::1] values = out.reshape(-1)
    cdef int64_t i
    with nogil:
        for i in range(values.shape[0]):
            values[i] = c_logistic(values[i])
    return out


def softmax(margins):
    """Return the probabilities of the classes, float64 (n_rows, n_classes)."""
    cdef double[:, ::1] values = np.array(margins, np.float64, order="C")
    cdef int64_t i
    if values.shape[1]:
        with nogil:
            for i in range(values.shape[0]):
                c_softmax(&values[i, 0], values.shape[1])
    return np.asarray(values)


def platt(probability, double slope, double intercept):
    """Return ``logistic(slope * log_odds(p) + intercept)``, kept from 0 and 1, float64 (n,)."""
    cdef double[::1] values = np.array(probability, np.float64)
    cdef int64_t i
    with nogil:
        for i in range(values.shape[0]):
            values[i] = c_platt(values[i], slope, intercept)
    return np.asarray(values)


def temper(probabilities, double temperature):
    """Return ``softmax(log(p) / temperature)``, float64 (n_rows, n_classes)."""
    cdef double[:, ::1] values = np.array(probabilities, np.float64, order="C")
    cdef int64_t i
    if values.shape[1]:
        with nogil:
            for i in range(values.shape[0]):
                c_temper(&values[i, 0], values.shape[1], temperature)
    return np.asarray(values)


def interpolate(x, const double[::1] at, const double[::1] to):
    """Return the line through the points (at, to), ascending, level outside; float64 (n,)."""
    cdef double[::1] values = np.array(x, np.float64)
    cdef int64_t i
    cdef int64_t n = at.shape[0]
    if n == 0 or to.shape[0] != n:
        raise ValueError(f"{n} points with {to.shape[0]} values")
    with nogil:
        for i in range(values.shape[0]):
            values[i] = c_interpolate(values[i], &at[0], &to[0], n)
    return np.asarray(values)
