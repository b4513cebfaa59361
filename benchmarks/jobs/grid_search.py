"""Sixteen penalties by five folds, from the Parquet file to the quality of the best on other rows.

scikit-learn's side is imputation, scaling, one-hot encoding and `LogisticRegression` (its default
solver) in a `GridSearchCV` with its defaults: five folds, and the best trained again on all rows;
two jobs at a time. All of its 80 fits would take the better part of an hour. So it makes two of
them, at a time as well: the weakest and the strongest penalty on the first fold. **Its seconds are
those of reading, of these two times forty, and of the last training**, whose penalty is the one
that the whole grid finds best, for the sake of its quality. Its peak is that of its first process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.job import Job, Side, Work
from benchmarks.jobs.whole import column_transformer, quality
from benchmarks.tables import Layout, training_rows

STRENGTHS = np.logspace(-2.0, 4.0, 16)
"""The penalty of each candidate over all rows: l2 times their number, 1 / C."""
BEST = STRENGTHS[6]
FOLDS, JOBS = 5, 2


def fastml(folds: int | None) -> Side:
    """Search by cross-validation, or on the last ninth of the training rows."""

    def prepare(path: Path, layout: Layout) -> Work:
        import pandas as _  # noqa: F401 - pyarrow would load it with the first array

        from fastml import Pipeline, scan
        from fastml.linear_model import LogisticRegression
        from fastml.model_selection import LaneSearch

        def work() -> Mapping[str, float]:
            source = scan(path)
            n = training_rows(source.count_rows())
            train, validation = source.slice(0, n), None
            if folds is None:
                train, validation = source.slice(0, n * 8 // 9), source.slice(n * 8 // 9, n // 9)
            space = {"l2": (STRENGTHS / train.count_rows()).tolist()}
            search = LaneSearch(LogisticRegression(), space, folds=folds)
            model = Pipeline(search, target="y").fit(train, validation=validation)
            truth, scores = [], []
            for rows, found in model.score_blocks(source.slice(n)):
                truth.append(rows.truth)
                scores.append(found)
            strength = model.learner_.l2 * train.count_rows()
            return {
                **quality(layout, np.concatenate(truth), np.concatenate(scores)),
                "strength": strength,
            }

        return work

    return prepare


def sklearn(path: Path, layout: Layout) -> Work:
    import pandas as pd
    import pyarrow.parquet as _  # noqa: F401 - pandas would load it when it reads
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    def work() -> Mapping[str, float]:
        began = time.perf_counter()
        table = pd.read_parquet(path)
        y = table.pop("y").to_numpy()
        n = training_rows(len(table))
        read = time.perf_counter() - began
        model = make_pipeline(column_transformer(layout), LogisticRegression())
        fold = next(StratifiedKFold(FOLDS).split(table.iloc[:n], y[:n]))
        grid = {"logisticregression__C": [1 / STRENGTHS[0], 1 / STRENGTHS[-1]]}
        search = GridSearchCV(
            model, grid, scoring="neg_log_loss", cv=[fold], refit=False, n_jobs=JOBS
        )
        began = time.perf_counter()
        search.fit(table.iloc[:n], y[:n])
        fits = time.perf_counter() - began
        began = time.perf_counter()
        model.set_params(logisticregression__C=1 / BEST).fit(table.iloc[:n], y[:n])
        last = time.perf_counter() - began
        found = quality(layout, y[n:], model.predict_proba(table.iloc[n:])[:, 1])
        all_fits = len(STRENGTHS) * FOLDS / len(grid["logisticregression__C"]) * fits
        each = search.cv_results_["mean_fit_time"] + search.cv_results_["mean_score_time"]
        return {
            **found,
            "strength": BEST,
            "of_fits": len(STRENGTHS) * FOLDS,
            "measured": len(grid["logisticregression__C"]),
            "whole_wall_s": read + all_fits + last,
            "whole_cpu_s": read + float(each.mean()) * len(STRENGTHS) * FOLDS + last,
        }

    return work


JOB = Job(
    title="Sixteen penalties by five folds, Parquet file to held-out log loss",
    table="D1",
    sides={
        "fastml": fastml(FOLDS),
        "fastml, one split": fastml(None),
        "scikit-learn GridSearchCV": sklearn,
    },
    faster={"scikit-learn GridSearchCV": 100},
    most={"log_loss": 0.3665},
    rounds=1,
)
