"""One pass of stochastic steps over a table that is already encoded, one model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.job import Job, Work
from benchmarks.jobs.encoded import one_hot_matrix, read_encoded
from benchmarks.tables import Layout


def fastml(path: Path, layout: Layout) -> Work:
    from fastml._native.linear import DesignKernels

    numbers, codes, n_codes, y = read_encoded(path, layout)
    n = len(y)
    target = y.astype(np.float32)
    kernels = DesignKernels([(numbers, codes, target, None)], n_codes, loss="logistic")

    def work() -> Mapping[str, float]:
        state = np.zeros((kernels.rows, 3, 1), np.float32)
        last = np.zeros(kernels.rows, np.int32)
        loss = np.zeros(1)
        settings = {"batch_size": 16, "adaptive": True, "fit_intercept": True}
        began = time.perf_counter()
        kernels.stochastic(
            state,
            last,
            np.array([[0, 0, n]]),
            **settings,
            weight_scale=np.ones(1),
            rate=np.full(1, 0.1),
            l2=np.full(1, 1 / n),
            l1=np.zeros(1),
            loss=loss,
        )
        taken = time.perf_counter() - began
        return {"million_rows_per_s": n / taken / 1e6, "loss_while_learning": loss[0] / n}

    return work


def sklearn(path: Path, layout: Layout) -> Work:
    from sklearn.linear_model import SGDClassifier

    matrix, y = one_hot_matrix(path, layout)
    n = len(y)

    def work() -> Mapping[str, float]:
        learner = SGDClassifier(loss="log_loss", alpha=1 / n)
        began = time.perf_counter()
        learner.partial_fit(matrix, y, classes=[0, 1])
        return {"million_rows_per_s": n / (time.perf_counter() - began) / 1e6}

    return work


JOB = Job(
    title="One epoch of stochastic steps, encoded, one lane",
    table="D1",
    sides={"fastml": fastml, "scikit-learn SGD": sklearn},
    least={"million_rows_per_s": 10},
    threads=1,
    repeats=3,
)
