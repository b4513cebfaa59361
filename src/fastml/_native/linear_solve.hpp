// A small symmetric system, solved the same on any number of threads (LAPACK's answer depends on
// how many it was given).
#pragma once

#include <cmath>
#include <cstdint>

namespace fastml::linear {

// Turns the upper triangle of a symmetric matrix (n x n, row-major) into U with U' U = A. A row
// whose pivot is not positive becomes zero: nothing is known of that unknown.
inline void cholesky(double* a, int64_t n) {
    for (int64_t k = 0; k < n; ++k) {
        double* row = a + k * n;
        const double root = row[k] > 0.0 ? std::sqrt(row[k]) : 0.0;
        const double inverse = root > 0.0 ? 1.0 / root : 0.0;
        row[k] = root;
        for (int64_t j = k + 1; j < n; ++j) row[j] *= inverse;
        for (int64_t i = k + 1; i < n; ++i) {
            double* below = a + i * n;
            const double share = row[i];
            for (int64_t j = i; j < n; ++j) below[j] -= share * row[j];
        }
    }
}

// Replaces x (n x m, row-major) by the solution of U' U z = x; zero where the pivot is. Each column
// has the bits that it would have alone.
inline void cholesky_solve(const double* u, int64_t n, int64_t m, double* x) {
    for (int64_t k = 0; k < n; ++k) {
        const double* row = u + k * n;
        double* own = x + k * m;
        for (int64_t c = 0; c < m; ++c) own[c] = row[k] > 0.0 ? own[c] / row[k] : 0.0;
        for (int64_t j = k + 1; j < n; ++j) {
            for (int64_t c = 0; c < m; ++c) x[j * m + c] -= row[j] * own[c];
        }
    }
    for (int64_t k = n - 1; k >= 0; --k) {
        const double* row = u + k * n;
        double* own = x + k * m;
        for (int64_t j = k + 1; j < n; ++j) {
            for (int64_t c = 0; c < m; ++c) own[c] -= row[j] * x[j * m + c];
        }
        for (int64_t c = 0; c < m; ++c) own[c] = row[k] > 0.0 ? own[c] / row[k] : 0.0;
    }
}

}  // namespace fastml::linear
