// From margins to probabilities, and from those to calibrated ones: the same functions for rows
// that are predicted by the thousand and for one, so that they give the same bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fastml::link {

// How near to 0 and 1 a probability is told apart from them: log-odds within 36.
inline constexpr double kNearest = std::numeric_limits<double>::epsilon();

inline double logistic(double margin) noexcept {
    const double small = std::exp(-std::fabs(margin));
    return (margin >= 0.0 ? 1.0 : small) / (1.0 + small);
}

// In place.
inline void softmax(double* values, int64_t n) noexcept {
    double greatest = values[0];
    for (int64_t i = 1; i < n; ++i) {
        // NaN, too, so that it shows in the end
        if (!(values[i] <= greatest)) greatest = values[i];
    }
    double sum = 0.0;
    for (int64_t i = 0; i < n; ++i) {
        values[i] = std::exp(values[i] - greatest);
        sum += values[i];
    }
    for (int64_t i = 0; i < n; ++i) values[i] /= sum;
}

inline double log_odds(double probability) noexcept {
    const double inside = std::clamp(probability, kNearest, 1.0 - kNearest);
    return std::log(inside) - std::log1p(-inside);
}

inline double platt(double probability, double slope, double intercept) noexcept {
    return std::clamp(logistic(slope * log_odds(probability) + intercept), kNearest,
                      1.0 - kNearest);
}

// In place: of each class, which are at least two.
inline void temper(double* probabilities, int64_t n, double temperature) noexcept {
    for (int64_t i = 0; i < n; ++i) {
        probabilities[i] = std::log(std::clamp(probabilities[i], kNearest, 1.0)) / temperature;
    }
    softmax(probabilities, n);
}

// The line through n points, ascending in `at`; level outside.
inline double interpolate(double x, const double* at, const double* to, int64_t n) noexcept {
    const int64_t above = std::upper_bound(at, at + n, x) - at;
    if (above == 0) return x == x ? to[0] : x;
    const int64_t i = above - 1;
    if (above == n || at[i] == x) return to[i];
    return (to[above] - to[i]) / (at[above] - at[i]) * (x - at[i]) + to[i];
}

}  // namespace fastml::link
