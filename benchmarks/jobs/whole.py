"""The whole way from a Parquet file to the quality on held-out rows, by each of the sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.job import Work
from benchmarks.jobs.quality import log_loss, rmse, roc_auc
from benchmarks.tables import Layout, training_rows

__all__ = ["decode", "fastml", "polars_glum", "sklearn_sgd"]


def quality(layout: Layout, y: np.ndarray, prediction: np.ndarray) -> Mapping[str, float]:
    if layout.binary:
        return {"log_loss": log_loss(y, prediction), "auc": roc_auc(y, prediction)}
    return {"rmse": rmse(y, prediction)}


def fastml(path: Path, layout: Layout, memory: str | None = None) -> Work:
    import pandas as _  # noqa: F401 - pyarrow would load it with the first array, where it is there

    from fastml import Pipeline, scan  # `import fastml` alone loads nothing yet
    from fastml.linear_model import LinearRegression, LogisticRegression

    def work() -> Mapping[str, float]:
        source = scan(path)
        n = training_rows(source.count_rows())
        learner = LogisticRegression() if layout.binary else LinearRegression()
        model = Pipeline(learner, target="y", memory=memory).fit(source.slice(0, n))
        truth, scores = [], []
        for rows, found in model.score_blocks(source.slice(n)):
            truth.append(rows.truth)
            scores.append(found)
        return quality(layout, np.concatenate(truth), np.concatenate(scores))

    return work


def decode(path: Path, layout: Layout) -> Work:
    """Nothing but the decoding of the file, strings as dictionaries: the floor of the others."""
    import pyarrow.parquet as pq

    def work() -> Mapping[str, float]:
        file = pq.ParquetFile(path, read_dictionary=layout.string_columns)
        return {"rows": sum(batch.num_rows for batch in file.iter_batches(batch_size=131_072))}

    return work


def sklearn_sgd(path: Path, layout: Layout) -> Work:
    import pandas as pd
    import pyarrow.parquet as _  # noqa: F401 - pandas would load it when it reads
    from sklearn.linear_model import SGDClassifier, SGDRegressor
    from sklearn.pipeline import make_pipeline

    def work() -> Mapping[str, float]:
        table = pd.read_parquet(path)
        y = table.pop("y").to_numpy()
        n = training_rows(len(table))
        learner = SGDClassifier(loss="log_loss") if layout.binary else SGDRegressor()
        model = make_pipeline(column_transformer(layout), learner)
        model.fit(table.iloc[:n], y[:n])
        held_out = table.iloc[n:]
        if layout.binary:
            return quality(layout, y[n:], model.predict_proba(held_out)[:, 1])
        return quality(layout, y[n:], model.predict(held_out))

    return work


def column_transformer(layout: Layout) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="mean"), StandardScaler())
    strings = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    return ColumnTransformer(
        [("numbers", numbers, layout.numeric_columns), ("strings", strings, layout.string_columns)],
        sparse_threshold=1.0,
    )


def polars_glum(path: Path, layout: Layout) -> Work:
    import polars as pl
    import tabmat
    from glum import GeneralizedLinearRegressor

    def work() -> Mapping[str, float]:
        lazy = pl.scan_parquet(path)
        n = training_rows(lazy.select(pl.len()).collect().item())
        numbers, strings = layout.numeric_columns, layout.string_columns
        filled = [pl.col(name).fill_null(pl.col(name).mean()) for name in numbers]
        of_training = lazy.head(n)
        mean = of_training.select(pl.col(numbers).mean()).collect(engine="streaming").row(0)
        spread = of_training.select(each.std() for each in filled).collect(engine="streaming")
        kinds = {
            name: pl.Enum(
                lazy.select(pl.col(name).fill_null("missing").unique().sort())
                .collect(engine="streaming")
                .to_series()
            )
            for name in strings
        }
        scaled = [
            (pl.col(name).fill_null(centre) - centre) / scale
            for name, centre, scale in zip(numbers, mean, spread.row(0), strict=True)
        ]
        coded = [pl.col(name).fill_null("missing").cast(kinds[name]) for name in strings]
        table = lazy.with_columns(scaled + coded).collect(engine="streaming")
        y = table["y"].to_numpy().astype(float)
        frame = table.drop("y").to_pandas()
        del table
        training = tabmat.from_df(frame.iloc[:n], drop_first=False)
        held_out = tabmat.from_df(frame.iloc[n:], drop_first=False)
        del frame
        model = GeneralizedLinearRegressor(
            family="binomial" if layout.binary else "normal",
            alpha=1e-6,
            l1_ratio=0,
            solver="lbfgs",
            drop_first=False,
            max_iter=100,
        )
        model.fit(training, y[:n])
        return quality(layout, y[n:], model.predict(held_out))

    return work
