"""What calibration changes on published tables, and how long it takes beside scikit-learn.

Usage: ``python -m benchmarks.calibration``

The environment variable FASTML_DATA names the folder of the published data sets. Each table is
split as a run does by default; a logistic regression learns from train, with and without balanced
class weights, is calibrated on validation and measured on test.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, get_args

import numpy as np
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from fastml import Pipeline, scan
from fastml.calibration import Method, fit_calibrator
from fastml.linear_model import LogisticRegression
from fastml.model_selection import split

SETS = {
    "telco_churn_mlc": "churn",
    "adult_income": "income",
    "census_income_kdd": "income",
    "diamonds": "cut",
}
METRICS = ("log_loss", "brier", "ece", "roc_auc")
ROWS, ROUNDS = 1_000_000, 5


def quality(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the metrics on the test rows of each set, before and after each calibration."""
    for name, target in SETS.items():
        parts = split(
            scan(folder / name / "data.parquet"), method="stratified", column=target, seed=7
        )
        for class_weight in (None, "balanced"):
            learner = LogisticRegression(class_weight=class_weight)
            model = Pipeline(learner, target=target).fit(parts.train)
            for method in (None, *get_args(Method)):
                if method is not None:
                    model.calibrate(parts.validation, method)
                found = model.evaluate(parts.test, intervals=False).metrics
                figures = (f"{found[each]:.4f}" if each in found else "" for each in METRICS)
                yield (name, class_weight or "none", method or "as learned", *figures)


def times() -> Iterator[tuple[str, ...]]:
    """Yield the seconds of fitting a million rows, in turn with scikit-learn's."""
    rng = np.random.default_rng(0)
    margins = rng.normal(-1, 2, ROWS)
    y = (rng.random(ROWS) < 1 / (1 + np.exp(-(0.6 * margins + 0.3)))).astype(int)
    p = 1 / (1 + np.exp(-margins))
    isotonic = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "isotonic": (lambda: fit_calibrator("isotonic", y, p), lambda: isotonic.fit(p, y)),
        "platt": (lambda: fit_calibrator("platt", y, p), lambda: _sigmoid_calibration(margins, y)),
    }
    for method, sides in pairs.items():
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for side, seconds in zip(sides, taken, strict=True):
                start = time.perf_counter()
                side()
                seconds.append(time.perf_counter() - start)
        ours, theirs = map(median, taken)
        yield method, f"{ours:.2f}", f"{theirs:.2f}", f"{theirs / ours:.1f}"


def main() -> None:
    """Print both tables."""
    folder = os.environ.get("FASTML_DATA")
    if folder is None:
        sys.exit("set FASTML_DATA to the folder of the published data sets")
    heads = ("set", "class weight", "calibration", *METRICS), ("method", "s", "sklearn s", "ratio")
    for head, rows in zip(heads, (quality(Path(folder)), times()), strict=True):
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for row in rows:
            print(f"| {' | '.join(row)} |", flush=True)
        print()


if __name__ == "__main__":
    main()
