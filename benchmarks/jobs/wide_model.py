"""A pass of stochastic steps over rows of ten million categories: sixteen lanes, and one.

The state of sixteen lanes (weights, the roots of AdaGrad's sums, gradients) is 1.9 GB, and a row
reads and writes ten places anywhere in it, 192 bytes each: memory's latency decides, and how much
of it stands in huge pages, without which every place would miss the page table's cache as well.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.job import Job, Side, Work
from benchmarks.tables import Layout

CATEGORIES, COLUMNS, NUMBERS = 10_000_000, 10, 20


def pass_of(lanes: int) -> Side:
    def prepare(path: Path, layout: Layout) -> Work:
        import pyarrow.parquet as pq

        from fastml._native.linear import DesignKernels
        from fastml.linear_model.stochastic import blank_state

        n = pq.read_metadata(path).num_rows
        rng = np.random.default_rng(0)
        first = np.arange(COLUMNS, dtype=np.int32) * (CATEGORIES // COLUMNS)
        codes = rng.integers(0, CATEGORIES // COLUMNS, (n, COLUMNS), np.int32) + first
        dense = rng.standard_normal((n, NUMBERS), np.float32)
        target = (rng.random(n) < 0.4).astype(np.float32)
        kernels = DesignKernels([(dense, codes, target, None)], CATEGORIES, lanes, "logistic")
        each = np.ones(lanes)

        def work() -> Mapping[str, float]:
            state = blank_state((kernels.rows, lanes), kernels.dtype)
            began = time.perf_counter()
            kernels.stochastic(
                state,
                np.zeros(kernels.rows, np.int32),
                np.array([[0, 0, n]]),
                batch_size=16,
                adaptive=True,
                fit_intercept=True,
                weight_scale=each,
                rate=0.1 * each,
                l2=each / n,
                l1=0 * each,
                loss=0 * each,
            )
            taken = time.perf_counter() - began
            return {
                "million_rows_per_s": n / taken / 1e6,
                "state_gb": state.nbytes / 1e9,
                "huge_pages": min(1.0, _huge_bytes() / state.nbytes),
                "aligned": float(state.ctypes.data % 64 == 0),
            }

        return work

    return prepare


def _huge_bytes() -> float:
    """Return the bytes of this process that stand in huge pages, as far as the system tells."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        return 0.0
    found = re.search(r"AnonHugePages:\s+(\d+) kB", rollup.read_text("ascii"))
    return float(found[1]) * 1024 if found else 0.0


JOB = Job(
    title="A pass over ten million categories, sixteen lanes, against one lane",
    table="D1",
    sides={"fastml": pass_of(16), "one lane": pass_of(1)},
    least={"million_rows_per_s": 0.5, "aligned": 1},
    threads=1,
    rounds=1,
)
