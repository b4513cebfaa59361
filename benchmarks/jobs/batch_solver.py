"""Training to a relative gap of a millionth above the optimum, rows that are already encoded.

Every side minimises the same: the mean logistic loss and ``l2 / 2 |w|^2`` with ``l2`` one over the
number of rows and the intercept free. It gets the table as it likes it best, and the loosest
tolerance of its own that ends within the gap on the full table. The gap is judged afterwards, for
all of them by the same float64 code (`optimum`).

What should be possible: a row is 80 bytes of numbers and 40 of codes, and with its target and its
margin 132 bytes pass through a core; margin, loss and gradient take about 130 operations, of which
20 read or change a weight by its code. Two million rows are 0.26 GB, 13 ms at what one core reads
and 7 ms on two; the operations take 35 ms and 18. fastml makes about nine such passes (an eighth of
an epoch of stochastic steps, the preconditioner, five iterations): 0.2 s on two cores.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.job import AbsentError, Job, Side, Work
from benchmarks.jobs.encoded import encoded_design, one_hot_matrix, read_encoded
from benchmarks.jobs.optimum import relative_gap
from benchmarks.tables import Layout

GAP = 1e-6


def judged(path: Path, layout: Layout, train: Callable[[], tuple[Any, Any, Any]]) -> Work:
    """Return the work of training, which gives weights, intercept and iterations to be judged."""

    def work() -> Callable[[], Mapping[str, float]]:
        weights, intercept, iterations = train()

        def judge() -> Mapping[str, float]:
            import numpy as np

            found = np.append(np.ravel(weights), np.ravel(intercept))
            gap = relative_gap(path, layout, found)
            return {"gap": gap, "iterations": float(np.max(iterations))}

        return judge

    return work


def fastml(path: Path, layout: Layout) -> Work:
    from fastml.linear_model import LogisticRegression

    design = encoded_design(path, layout)

    def train() -> tuple[Any, Any, Any]:
        model = LogisticRegression().fit_design(design, classes=[0, 1])
        return model.weights_, model.intercept_, model.n_iter_

    return judged(path, layout, train)


def glum(path: Path, layout: Layout) -> Work:
    tabmat, regressor = imported("tabmat"), imported("glum").GeneralizedLinearRegressor
    numbers, codes, _, y = read_encoded(path, layout)
    columns = [tabmat.CategoricalMatrix(column - column.min()) for column in codes.T]
    matrix = tabmat.SplitMatrix([tabmat.DenseMatrix(numbers.astype(float)), *columns])
    target = y.astype(float)

    def train() -> tuple[Any, Any, Any]:
        model = regressor(
            family="binomial",
            alpha=1 / len(target),
            l1_ratio=0,
            solver="lbfgs",
            gradient_tol=2e-6,
            max_iter=1000,
        )
        model.fit(matrix, target)
        return model.coef_, model.intercept_, model.n_iter_

    return judged(path, layout, train)


def on_one_hot_matrix(package: str, **settings: Any) -> Side:
    """Return the side of a `LogisticRegression` as scikit-learn's, on a sparse matrix."""

    def side(path: Path, layout: Layout) -> Work:
        learner = imported(f"{package}.linear_model").LogisticRegression(
            max_iter=10_000, **settings
        )
        matrix, y = one_hot_matrix(path, layout)
        if package == "sklearnex" and falls_back(learner, matrix, y):
            raise AbsentError("hands sparse matrices to scikit-learn; a dense one has 200 GB")

        def train() -> tuple[Any, Any, Any]:
            learner.fit(matrix, y)
            return learner.coef_, learner.intercept_, learner.n_iter_

        return judged(path, layout, train)

    return side


def falls_back(learner: Any, matrix: Any, y: Any) -> bool:
    """Return whether scikit-learn-intelex says that it leaves such a matrix to scikit-learn."""
    said, log = io.StringIO(), logging.getLogger("sklearnex")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler(said))
    learner.fit(matrix[:1000], y[:1000])
    return "fallback" in said.getvalue()


def snapml(path: Path, layout: Layout) -> Work:
    import os

    regression = imported("snapml").LogisticRegression
    matrix, y = one_hot_matrix(path, layout)
    target = y.astype(float)

    def train() -> tuple[Any, Any, Any]:
        model = regression(
            regularizer=1.0,  # of the sum of losses
            dual=True,
            tol=1e-4,
            max_iter=1000,
            fit_intercept=True,
            n_jobs=len(os.sched_getaffinity(0)),
        )
        model.fit(matrix, target)
        return model.coef_, model.intercept_, model.n_iter_

    return judged(path, layout, train)


def imported(module: str) -> Any:
    """Return a peer's module.

    Raises
    ------
    AbsentError
        Where it cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise AbsentError(str(error)) from error


PEERS: dict[str, Side] = {
    "glum": glum,
    "snapml": snapml,
    "scikit-learn lbfgs": on_one_hot_matrix("sklearn", solver="lbfgs", tol=2e-6),
    "scikit-learn newton-cholesky": on_one_hot_matrix(
        "sklearn", solver="newton-cholesky", tol=1e-4
    ),
    "scikit-learn-intelex": on_one_hot_matrix("sklearnex", solver="lbfgs", tol=2e-6),
}
JOB = Job(
    title="Batch training to a relative gap of 1e-6, encoded",
    table="D1",
    sides={"fastml": fastml, **PEERS},
    slow=frozenset({"glum", "scikit-learn lbfgs", "scikit-learn newton-cholesky"}),
    faster=dict.fromkeys(PEERS, 3.0),
    most={"gap": GAP},
    rounds=1,
)
