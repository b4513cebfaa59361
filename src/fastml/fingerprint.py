"""What tells one thing that is learned from, or learned with, from all others."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from fastml._native import simd
from fastml._version import __version__

__all__ = ["fingerprint"]


def fingerprint(*parts: Any) -> str:
    """Return a digest of the parts: of arrays by their content, of all else by `repr`.

    So are the release of fastml and what the processor can do: the last bits depend on them.
    """
    digest = hashlib.sha256(repr((__version__, simd.level())).encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.dtype.str, part.shape)).encode())
            digest.update(np.ascontiguousarray(part).data.cast("B") if part.size else b"")
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()[:40]
