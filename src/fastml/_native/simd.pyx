"""The SIMD level in force: `baseline`, `avx2` or `avx512`."""

import os

from fastml.errors import ConfigError

cdef extern from "simd.hpp" namespace "fastml" nogil:
    cdef enum class SimdLevel(int):
        pass
    SimdLevel simd_best() noexcept
    SimdLevel simd_level() noexcept

LEVELS = ("baseline", "avx2", "avx512")


def available():
    """Return the levels that this machine has, lowest first."""
    return LEVELS[: <int>simd_best() + 1]


def level():
    """Return the level that the kernels use."""
    return LEVELS[<int>simd_level()]


_asked = os.environ.get("FASTML_SIMD")
if _asked is not None and _asked not in available():
    raise ConfigError(
        f"FASTML_SIMD is {_asked!r}; this machine has {', '.join(available())}"
    )
