"""The linear kernels over the blocks of a design.

Weights, gradients and curvatures are matrices of `rows` x lanes: the dense features, the codes,
the unknown code (always zero) and the intercept (see linear_types.hpp).
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uintptr_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

import numpy as np

cdef extern from "linear_types.hpp" namespace "fastml::linear" nogil:
    cdef const int64_t kMostLanes, kMostDense

    cdef enum class Loss(int):
        logistic
        squared
        huber
        quantile
        softmax

    cdef cppclass Objective:
        Loss loss
        double parameter, width
        int64_t classes
        const void* model_class
        const void* group_weight

    cdef cppclass Run:
        int64_t block, start, stop

    cdef cppclass Stochastic:
        void* state
        int32_t* last
        const Run* runs
        int64_t n_runs, batch_size
        cbool adaptive, fit_intercept
        const double* weight_scale
        const double* rate
        const double* l2
        const double* l1
        void* scratch

    cdef cppclass Kernels:
        void margins(const Shape&, const Block&, const void*, void*)
        void gradient(const Shape&, const Block&, const Objective&, const void*, void*,
                      const void*, const double*, double*, double*)
        void curvature(const Shape&, const Block&, const Objective&, const void*, double, double*)
        void hessian(const Shape&, const Block&, const Objective&, const void*, double,
                     const int32_t*, int64_t, double*)
        void along(const Shape&, const Block&, const Objective&, const void*, const void*,
                   const double*, double*)
        int64_t stochastic(const Shape&, const Block*, const Objective&, const Stochastic&, double*)

    void widen_code_ranges(const Shape&, const Block&, int32_t*, int32_t*)
    void let_go(const Shape&, const Block&, int64_t, int64_t, int64_t)
    const Kernels& kernels(cbool, int64_t)
    int64_t stochastic_scratch(const Shape&, int64_t)

cdef extern from "linear_solve.hpp" namespace "fastml::linear" nogil:
    void c_cholesky "fastml::linear::cholesky"(double*, int64_t)
    void c_cholesky_solve "fastml::linear::cholesky_solve"(
        const double*, int64_t, int64_t, double*
    )

# What other modules call: the kernels are linked into this one alone.
cdef void single_margins(
    const Shape& shape, const Block& block, const void* weights, void* out
) noexcept nogil:
    kernels(True, shape.lanes).margins(shape, block, weights, out)


MOST_LANES = kMostLanes
MOST_DENSE = kMostDense
_LOSSES = {
    "logistic": <int>Loss.logistic,
    "squared": <int>Loss.squared,
    "huber": <int>Loss.huber,
    "quantile": <int>Loss.quantile,
    "softmax": <int>Loss.softmax,
}


cdef const void* _address(array) except? NULL:
    return <const void*><uintptr_t>array.ctypes.data


def cholesky(double[:, ::1] matrix):
    """Turn the upper triangle of a symmetric matrix, in place, into U with U' U = matrix.

    A row whose pivot is not positive becomes zero.
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise TypeError(f"got {matrix.shape[0]} rows and {matrix.shape[1]} columns")
    if matrix.shape[0]:
        with nogil:
            c_cholesky(&matrix[0, 0], matrix.shape[0])


def cholesky_solve(const double[:, ::1] factor, double[:, ::1] right):
    """Replace the columns of `right` by the solutions of U' U x = right.

    They are zero where U has a zero row.
    """
    if not factor.shape[0] == factor.shape[1] == right.shape[0]:
        raise TypeError(f"got a factor of {factor.shape[0]} and right sides of {right.shape[0]}")
    if right.shape[0] and right.shape[1]:
        with nogil:
            c_cholesky_solve(&factor[0, 0], right.shape[0], right.shape[1], &right[0, 0])


cdef class DesignKernels:
    """The kernels bound to the blocks of a design, a loss and a number of lanes.

    Parameters
    ----------
    blocks : list of (dense, codes, target, weight)
        As in `DesignBlock`; target and weight may be None, and the target may have a column for
        each model. They are kept alive, not copied.
    n_codes : int
        Categories; a code outside [0, n_codes) contributes nothing.
    lanes : int
        Columns of the weights that are moved at once: models, of softmax models x classes.
    loss : {"logistic", "squared", "huber", "quantile", "softmax"}
    parameter, width : float
        The threshold of huber; the quantile and half the width of its smoothed kink.
    classes : int, optional
        Of softmax: lanes that are one model together; default all.
    model_class : array of shape (n_models,), optional
        Of logistic, where targets are classes: the one that each model tells from the rest.
    groups : list of uint16 arrays of shape (n_rows,), optional
        Which group each row of each block is in.
    group_weight : array of shape (n_groups, n_models), optional
        By what each model multiplies the weights of the rows of each group.
    mapped : list of bool, optional
        Which blocks' dense and codes lie in a mapped file: once a kernel has read them, their pages
        go, so that they are not held in memory all at once.
    """

    cdef vector[Block] _blocks
    cdef Shape _shape
    cdef Objective _objective
    cdef const Kernels* _kernels
    cdef list _arrays
    cdef int64_t _value_size
    cdef readonly object dtype

    def __init__(self, blocks, int64_t n_codes, int64_t lanes=1, loss="squared",
                 double parameter=1.0, double width=0.0, classes=None,
                 model_class=None, groups=None, group_weight=None, mapped=None):
        if not 1 <= lanes <= kMostLanes:
            raise ValueError(f"got {lanes} lanes, expected 1 to {kMostLanes}")
        self._objective.loss = <Loss><int>_LOSSES[loss]
        self._objective.parameter = parameter
        self._objective.width = width
        self._objective.classes = 1
        if loss == "softmax":
            self._objective.classes = lanes if classes is None else classes
            if self._objective.classes < 1 or lanes % self._objective.classes:
                raise ValueError(f"{lanes} lanes are no models of {classes} classes")
        self._objective.model_class = NULL
        self._objective.group_weight = NULL
        self._arrays = []
        self.dtype = blocks[0][0].dtype if blocks else np.dtype(np.float64)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"the dense part is {self.dtype}, expected float32 or float64")
        self._value_size = self.dtype.itemsize
        self._shape.dense = blocks[0][0].shape[1] if blocks else 0
        self._shape.columns = blocks[0][1].shape[1] if blocks else 0
        self._shape.codes = n_codes
        self._shape.lanes = lanes
        self._kernels = &kernels(self.dtype == np.float32, lanes)
        for dense, codes, target, weight in blocks:
            self._add(dense, codes, target, weight)
        cdef int64_t i
        for i, flag in enumerate(mapped or ()):
            self._blocks.at(i).mapped = flag
        if model_class is not None:
            model_class = self._checked(model_class, self.dtype, (lanes,))
            self._objective.model_class = _address(model_class)
            self._arrays.append(model_class)
        if groups is not None:
            self._weigh_groups(groups, group_weight)

    cdef _add(self, dense, codes, target, weight):
        cdef Block block
        block.n = dense.shape[0]
        dense = self._checked(dense, self.dtype, (block.n, self._shape.dense))
        codes = self._checked(codes, np.int32, (block.n, self._shape.columns))
        block.dense = _address(dense)
        block.codes = <const int32_t*>_address(codes)
        block.target = NULL
        block.weight = NULL
        block.group = NULL
        block.target_lanes = 0
        block.mapped = False
        if target is not None:
            block.target_lanes = 1 if target.ndim == 1 else target.shape[1]
            target = self._checked(target, self.dtype, (block.n, *target.shape[1:]))
            self._check_lanes(block.target_lanes)
            block.target = _address(target)
            if self._objective.loss == Loss.softmax:
                self._check_classes(target)
        if weight is not None:
            weight = self._checked(weight, self.dtype, (block.n,))
            block.weight = _address(weight)
        self._blocks.push_back(block)
        self._arrays.append((dense, codes, target, weight))

    def _checked(self, array, dtype, shape):
        if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
            raise TypeError(
                f"got an array of {array.dtype} and shape {array.shape}, expected {dtype} and "
                f"{shape} in C order"
            )
        return array

    def _check_lanes(self, int64_t lanes):
        cdef int64_t models = self._shape.lanes // self._objective.classes
        if lanes not in (1, models):
            raise TypeError(f"got targets of {lanes} columns for {models} models")

    cdef _weigh_groups(self, groups, group_weight):
        cdef int64_t models = self._shape.lanes // self._objective.classes
        if len(groups) != <int64_t>self._blocks.size():
            raise TypeError(f"got groups of {len(groups)} blocks, expected {self._blocks.size()}")
        table = self._checked(group_weight, self.dtype, (group_weight.shape[0], models))
        self._objective.group_weight = _address(table)
        self._arrays.append(table)
        cdef int64_t i
        for i, group in enumerate(groups):
            group = self._checked(group, np.uint16, (self._blocks[i].n,))
            if group.size and group.max() >= len(table):
                raise ValueError(f"got the group {group.max()} of {len(table)}")
            self._blocks[i].group = <const uint16_t*>_address(group)
            self._arrays.append(group)

    def _check_classes(self, target):
        if target.size and not (target.min() >= 0 and target.max() < self._objective.classes):
            raise ValueError(f"class indices must lie in [0, {self._objective.classes})")

    @property
    def n_blocks(self):
        """Blocks of the design."""
        return <int64_t>self._blocks.size()

    @property
    def rows(self):
        """Rows of the weights: features, the unknown code and the intercept."""
        return self._shape.rows()

    @property
    def n_codes(self):
        """Categories: the rows of the weights between the dense features and the last two."""
        return self._shape.codes

    @property
    def lanes(self):
        """Columns of the weights."""
        return self._shape.lanes

    def block_rows(self, int64_t block):
        """Rows of a block."""
        return self._blocks.at(block).n

    def widen_code_ranges(self, int64_t block, int32_t[::1] first, int32_t[::1] last):
        """Lower `first` to the least known code of each column, raise `last` to the greatest."""
        if not first.shape[0] == last.shape[0] == self._shape.columns:
            raise TypeError(f"expected the ends of {self._shape.columns} columns")
        cdef const Block* rows = &self._blocks.at(block)
        if self._shape.columns:
            with nogil:
                widen_code_ranges(self._shape, rows[0], &first[0], &last[0])
                self._let_go(block)

    @property
    def n_columns(self):
        """Columns of codes."""
        return self._shape.columns

    def _margins_of(self, int64_t block, array):
        return self._checked(array, self.dtype, (self._blocks.at(block).n, self._shape.lanes))

    def margins(self, int64_t block, weights, out):
        """Fill `out` (n_rows, lanes) with the block's rows times `weights`, in the block's type."""
        weights = self._checked(weights, self.dtype, (self.rows, self._shape.lanes))
        cdef const void* w = _address(weights)
        cdef void* m = <void*>_address(self._margins_of(block, out))
        with nogil:
            self._kernels.margins(self._shape, self._blocks[block], w, m)
            self._let_go(block)
        return out

    def gradient(self, int64_t block, margins, direction, const double[::1] step,
                 double[:, ::1] gradient, double[::1] loss):
        """Move `margins` by `step` along `direction` (None: stay); add gradient and loss there.

        Each lane has a step of its own.
        """
        if step.shape[0] != self._shape.lanes:
            raise TypeError(f"expected {self._shape.lanes} steps, got {step.shape[0]}")
        cdef const void* d = NULL
        if direction is not None:
            d = _address(self._margins_of(block, direction))
        self._add_gradient(block, NULL, margins, d, &step[0], gradient, loss)

    def gradient_at(self, int64_t block, weights, margins, double[:, ::1] gradient,
                    double[::1] loss):
        """Fill `margins` as `margins()` does, and add gradient and loss there: one pass for both.
        """
        weights = self._checked(weights, self.dtype, (self.rows, self._shape.lanes))
        self._add_gradient(block, _address(weights), margins, NULL, NULL, gradient, loss)

    cdef _add_gradient(self, int64_t block, const void* weights, margins, const void* direction,
                       const double* step, double[:, ::1] gradient, double[::1] loss):
        self._check_sums(gradient)
        self._check_labelled(block)
        if loss.shape[0] != self._shape.lanes:
            raise TypeError(f"expected {self._shape.lanes} losses, got {loss.shape[0]}")
        cdef void* m = <void*>_address(self._margins_of(block, margins))
        with nogil:
            self._kernels.gradient(self._shape, self._blocks[block], self._objective, weights, m,
                                   direction, step, &gradient[0, 0], &loss[0])
            self._let_go(block)

    def curvature(self, int64_t block, margins, double floor, double[:, ::1] sums):
        """Add the diagonal of the Hessian of the sum of losses; `floor` to each second derivative.
        """
        self._check_sums(sums)
        self._check_labelled(block)
        cdef const void* m = _address(self._margins_of(block, margins))
        with nogil:
            self._kernels.curvature(self._shape, self._blocks[block], self._objective, m, floor,
                                    &sums[0, 0])
            self._let_go(block)

    def hessian(self, int64_t block, margins, double floor, const int32_t[::1] places,
                double[:, :, ::1] sums):
        """Add the Hessian's lower triangle over some of the features, by lane.

        Rows and columns are the dense features, the intercept and the codes whose `places`
        (n_codes + 1, the last of the unknown code) are not -1.
        """
        cdef int64_t dense = self._shape.dense, width = sums.shape[1]
        if dense > kMostDense:
            raise ValueError(f"got {dense} dense features, expected at most {kMostDense}")
        if not (sums.shape[0] == self._shape.lanes and sums.shape[2] == width > dense):
            raise TypeError(f"expected sums of shape ({self._shape.lanes}, n, n), n > {dense}")
        if places.shape[0] != self._shape.codes + 1:
            raise TypeError(f"expected {self._shape.codes + 1} places, got {places.shape[0]}")
        cdef int64_t i
        for i in range(places.shape[0]):
            if not (places[i] == -1 or dense < places[i] < width):
                raise ValueError(f"place {places[i]} is not in ({dense}, {width})")
        self._check_labelled(block)
        cdef const void* m = _address(self._margins_of(block, margins))
        with nogil:
            self._kernels.hessian(self._shape, self._blocks[block], self._objective, m, floor,
                                  &places[0], width, &sums[0, 0, 0])
            self._let_go(block)

    def along(self, int64_t block, margins, direction, const double[::1] step,
              double[:, ::1] sums):
        """Add each lane's loss, slope and curvature at `margins + step * direction` to `sums`.

        Each lane has a step of its own; of softmax a model's sums stand in its first lane.
        """
        cdef int64_t lanes = self._shape.lanes
        if sums.shape[0] != lanes or sums.shape[1] != 3 or step.shape[0] != lanes:
            raise TypeError(f"expected {lanes} steps, and sums of shape ({lanes}, 3)")
        self._check_labelled(block)
        cdef const void* m = _address(self._margins_of(block, margins))
        cdef const void* d = _address(self._margins_of(block, direction))
        with nogil:
            self._kernels.along(self._shape, self._blocks[block], self._objective, m, d, &step[0],
                                &sums[0, 0])

    def stochastic(self, state, int32_t[::1] last, const int64_t[:, ::1] runs, int64_t batch_size,
                   bint adaptive, bint fit_intercept, const double[::1] weight_scale,
                   const double[::1] rate, const double[::1] l2, const double[::1] l1,
                   double[::1] loss):
        """Make one pass of stochastic steps over `runs` (block, start, stop); return rows seen.

        `state` is (rows, 3, lanes) in the blocks' type; see Stochastic in linear_types.hpp.
        """
        cdef int64_t lanes = self._shape.lanes
        state = self._checked(state, self.dtype, (self.rows, 3, lanes))
        if last.shape[0] != self.rows or batch_size < 1 or runs.shape[1] != 3:
            raise TypeError("expected one `last` a row, batch_size >= 1 and runs of three")
        if not (weight_scale.shape[0] == rate.shape[0] == l2.shape[0] == l1.shape[0]
                == loss.shape[0] == lanes):
            raise TypeError(f"expected {lanes} scales, rates, penalties and losses")
        cdef vector[Run] order
        cdef Run run
        cdef int64_t i
        for i in range(runs.shape[0]):
            run.block, run.start, run.stop = runs[i, 0], runs[i, 1], runs[i, 2]
            if not 0 <= run.block < <int64_t>self._blocks.size():
                raise IndexError(f"there is no block {run.block}")
            if not 0 <= run.start <= run.stop <= self._blocks[run.block].n:
                raise IndexError(f"block {run.block} has no rows {run.start} to {run.stop}")
            if self._blocks[run.block].target == NULL:
                raise TypeError(f"block {run.block} has no target")
            order.push_back(run)
        if order.empty():
            return 0
        cdef vector[double] scratch
        scratch.resize(stochastic_scratch(self._shape, batch_size) // 8)
        cdef Stochastic settings
        settings.state = <void*>_address(state)
        settings.last = &last[0]
        settings.runs = order.data()
        settings.n_runs = order.size()
        settings.batch_size = batch_size
        settings.adaptive = adaptive
        settings.fit_intercept = fit_intercept
        settings.weight_scale = &weight_scale[0]
        settings.rate, settings.l2, settings.l1 = &rate[0], &l2[0], &l1[0]
        settings.scratch = scratch.data()
        cdef int64_t seen
        with nogil:
            seen = self._kernels.stochastic(self._shape, self._blocks.data(), self._objective,
                                            settings, &loss[0])
            for i in range(<int64_t>self._blocks.size()):
                self._let_go(i)
        return seen

    cdef void _let_go(self, int64_t block) noexcept nogil:
        cdef int64_t n = self._blocks[block].n
        let_go(self._shape, self._blocks[block], self._value_size, 0, n)

    def _check_sums(self, const double[:, ::1] sums):
        if sums.shape[0] != self._shape.rows() or sums.shape[1] != self._shape.lanes:
            raise TypeError(f"expected sums of shape ({self.rows}, {self._shape.lanes})")

    def _check_labelled(self, int64_t block):
        if self._blocks.at(block).target == NULL:
            raise TypeError(f"block {block} has no target")
