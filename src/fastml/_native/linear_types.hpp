// What the linear kernels read and write.
//
// A design of d dense features and k codes, and a model of L lanes, meet in one matrix of
// `Shape::rows()` x L weights, row-major (the lanes of a feature lie side by side):
//
//     row 0 .. d-1        the dense features
//     row d .. d+k-1      the codes
//     row d+k             the unknown: always zero. A code outside [0, k) reads and writes here, so
//                         that no kernel needs a branch, and none can leave the matrix
//     row d+k+1           the intercepts
//
// Gradients and curvatures have the same layout. T is float or double, the type of the block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "file_pages.hpp"

namespace fastml::linear {

constexpr int64_t kMostLanes = 1024;
constexpr int64_t kMostDense = 256;  // for `hessian`

enum class Loss : int { logistic = 0, squared = 1, huber = 2, quantile = 3, softmax = 4 };

struct Shape {
    int64_t dense;    // features
    int64_t columns;  // code columns
    int64_t codes;    // categories over all of them
    int64_t lanes;
    int64_t unknown() const { return dense + codes; }
    int64_t intercept() const { return dense + codes + 1; }
    int64_t rows() const { return dense + codes + 2; }
};

struct Block {
    const void* dense;     // T, n x dense
    const int32_t* codes;  // n x columns
    const void* target;    // T, n x target_lanes
    const void* weight;    // T, n; null: all one
    const uint16_t* group; // n; null where models weigh all rows alike
    int64_t n;
    int64_t target_lanes;  // 1 (shared) or one a model
    bool mapped;           // dense and codes lie in a mapped file: pages go once they are read
};

// softmax: `classes` lanes that lie side by side are one model; of every other loss a lane is one.
// huber: `parameter` is the error at which the loss turns linear. quantile: the quantile; within
// `width` of zero the loss is a parabola, so that it has a gradient.
struct Objective {
    Loss loss;
    double parameter;
    double width;
    int64_t classes;
    // T, one a model: the class that a model tells from the rest, where targets are classes; or null.
    const void* model_class;
    // T, groups x models: by what each model multiplies the weights of each group of rows, so that a
    // row has a weight of its own in each for two bytes. Null where all are one.
    const void* group_weight;
};

// Lets go of the pages of rows that have been read, where they lie in a file.
inline void let_go(const Shape& shape, const Block& block, int64_t value_size, int64_t from,
                   int64_t to) noexcept {
    if (!block.mapped) return;
    const int64_t dense = shape.dense * value_size, codes = shape.columns * sizeof(int32_t);
    fastml::let_go(block.dense, block.n * dense, from * dense, to * dense);
    fastml::let_go(block.codes, block.n * codes, from * codes, to * codes);
}

// Lowers first[c] to the least known code of column c, and raises last[c] to the greatest.
inline void widen_code_ranges(const Shape& shape, const Block& block, int32_t* first,
                              int32_t* last) {
    constexpr int64_t together = 8;  // rows: columns are few, and the loop over them too short
    const int64_t columns = shape.columns;
    std::vector<int32_t> least(together * columns, static_cast<int32_t>(shape.codes));
    std::vector<int32_t> most(together * columns, -1);
    const int32_t n_codes = static_cast<int32_t>(shape.codes);
    for (int64_t i = 0; i < block.n; i += together) {
        const int32_t* codes = block.codes + i * columns;
        const int64_t n = (block.n - i < together ? block.n - i : together) * columns;
        for (int64_t k = 0; k < n; ++k) {
            const bool known = (codes[k] >= 0) & (codes[k] < n_codes);
            const int32_t low = known ? codes[k] : n_codes, high = known ? codes[k] : -1;
            least[k] = low < least[k] ? low : least[k];
            most[k] = high > most[k] ? high : most[k];
        }
    }
    for (int64_t k = 0; k < together * columns; ++k) {
        first[k % columns] = std::min(first[k % columns], least[k]);
        last[k % columns] = std::max(last[k % columns], most[k]);
    }
}

// A stretch of consecutive rows of a block.
struct Run {
    int64_t block, start, stop;
};

// One pass of stochastic steps, a mini-batch each. `state` is Shape::rows() x 3 x lanes of T: a
// feature's weights, one over the roots of the sums of their squared gradients (0 where there was
// none yet) and the gradient of the batch at hand stand side by side. `last` (rows) is the batch that
// read a code last: the penalties of that batch and later ones are still to be applied to it.
// Gradients and `last` are zero when a pass begins, and when it ends.
struct Stochastic {
    void* state;
    int32_t* last;
    const Run* runs;  // in the order of the pass, laid end to end; kStreams places are read at once
    int64_t n_runs;
    int64_t batch_size;
    bool adaptive;  // AdaGrad; otherwise a plain step of `rate`
    bool fit_intercept;
    const double* weight_scale;  // one over the mean row weight, one a lane as all that follow
    const double* rate;
    const double* l2;
    const double* l1;
    void* scratch;  // stochastic_scratch() bytes
};

struct Kernels {
    // out = X weights, T, n x lanes
    void (*margins)(const Shape&, const Block&, const void* weights, void* out);
    // adds the gradient of the sum of losses to `gradient` and each lane's loss to `loss`: at
    // margins = X weights where there are weights; else at margins += step * direction where there is
    // a direction (each lane has its step)
    void (*gradient)(const Shape&, const Block&, const Objective&, const void* weights,
                     void* margins, const void* direction, const double* step, double* gradient,
                     double* loss);
    // adds the diagonal of the Hessian of the sum of losses to `sums`; `floor` is added to each
    // second derivative
    void (*curvature)(const Shape&, const Block&, const Objective&, const void* margins,
                      double floor, double* sums);
    // the same for all pairs of the dense features, the intercept and, from d + 1 on, the codes that
    // have a place in `places` (of each code and of the unknown; -1: none): lanes x width x width,
    // lower triangles. At most kMostDense features.
    void (*hessian)(const Shape&, const Block&, const Objective&, const void* margins,
                    double floor, const int32_t* places, int64_t width, double* sums);
    // adds value, slope and curvature of the sum of losses at margins + step * direction, in step:
    // three a lane (softmax: a model's stand in its first lane)
    void (*along)(const Shape&, const Block&, const Objective&, const void* margins,
                  const void* direction, const double* step, double* sums);
    // returns the number of rows seen; adds each lane's loss before its row's step to `loss`
    int64_t (*stochastic)(const Shape&, const Block* blocks, const Objective&, const Stochastic&,
                          double* loss);
};

// The kernels for float (single) or double blocks, at the SIMD level in force.
const Kernels& kernels(bool single, int64_t lanes);

// Bytes: the dense weights, the lanes' settings, a batch's rows, and the codes that it touches.
inline int64_t stochastic_scratch(const Shape& shape, int64_t batch_size) {
    const int64_t values = (3 * (shape.dense + 1) + 4 + 6 * batch_size) * shape.lanes +
                           4 * batch_size * shape.columns + shape.dense;
    return 8 * values + 8 * batch_size * shape.columns + 16 * batch_size + 64;
}

}  // namespace fastml::linear
