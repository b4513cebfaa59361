"""Judges `fastml.Pipeline` with its defaults beside scikit-learn's best linear pipeline.

Usage: ``python -m benchmarks.quality [set ...] [--seeds 10] [--write]``

The environment variable FASTML_DATA names the folder of the published data sets. For each set and
seed both sides train on the same rows and are judged on the same others, by ROC AUC or R². The
peer is imputation, standardisation and one-hot encoding before an L2-penalised logistic regression
or ridge, its penalty the best of `C` or `ALPHA` on the validation rows; of its time only the
preparation and the fit with that penalty count, and it is handed its table already in memory,
whereas fastml reads its file and does not see the validation rows. ``--write`` writes QUALITY.md.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fastml
from benchmarks.machine import describe
from fastml.data import Source
from fastml.model_selection import split
from fastml.pipeline import Pipeline

C = (0.001, 0.01, 0.1, 1.0, 10.0)
ALPHA = (0.1, 1.0, 10.0, 100.0, 1000.0)
TOLERANCE = -0.005
"""The mean paired difference that fastml may be worse by."""
README_ROWS = 100_000
"""How many rows the sets' READMEs trained their Ridge on, at most."""
RESULT = Path(__file__).with_name("QUALITY.md")
PREAMBLE = """# Quality on published data

`fastml.Pipeline` with its defaults, and scikit-learn's linear pipeline with the best of five
penalties on the validation rows; both trained on the same 70% and judged on the same test rows,
anew for every seed (`python -m benchmarks.quality --write`). Times are medians of one training:
fastml's from the Parquet file, scikit-learn's on the table in memory and with the chosen penalty
alone. scikit-learn has the parts of a time (month, weekday, hour) as categories, as fastml makes
them.

nycflights13 has `month` and `hour` as whole numbers: by their names fastml takes them for
categories, and explains half as much again as a line through them does. The sets' READMEs trained
Ridge on at most 100,000 rows, as `nycflights13_100k` and `flights_3m` do here.

"""

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One data set and how it is judged.

    `published` is Ridge's R² in the set's README, from `permuted` rows of seed 0, of which at most
    `most_rows` train.
    """

    file: str
    target: str
    metric: Literal["ROC AUC", "R²"]
    drop: tuple[str, ...] = ()
    published: float | None = None
    most_rows: int | None = None
    most_seeds: int = 10


NYCFLIGHTS = Case(
    "nycflights13/flights.parquet",
    "arr_delay",
    "R²",
    drop=(
        "dep_time", "arr_time", "dep_delay", "air_time", "time_hour",
        "year", "minute", "flight", "tailnum",
    ),
    published=0.0476,
)  # fmt: skip
CASES = {
    "telco_churn_mlc": Case("telco_churn_mlc/data.parquet", "churn", "ROC AUC"),
    "ames_housing": Case("ames_housing/data.parquet", "Sale_Price", "R²"),
    "diamonds": Case("diamonds/data.parquet", "price", "R²"),
    "census_income_kdd": Case(
        "census_income_kdd/data.parquet",
        "income",
        "ROC AUC",
        drop=("part", "instance_weight"),
    ),
    "nycflights13": NYCFLIGHTS,
    "nycflights13_100k": replace(NYCFLIGHTS, most_rows=README_ROWS),
    "flights_3m": Case(
        "flights_3m/data.parquet",
        "delay",
        "R²",
        published=0.0294,
        most_rows=README_ROWS,
        most_seeds=5,
    ),
}


@dataclass(frozen=True)
class Judged:
    """What one side reached on one seed, and what its training took."""

    score: float
    wall_s: float
    cpu_s: float
    note: str = ""


@dataclass
class Found:
    """All seeds of a case."""

    name: str
    case: Case
    rows: tuple[int, int] = (0, 0)
    fastml: list[Judged] = field(default_factory=list)
    peer: list[Judged] = field(default_factory=list)

    def difference(self) -> tuple[float, float]:
        """Return the mean paired difference, and half its 95% interval (Student's t).

        The seeds share rows, so that the interval tells of the splits, not of fresh data.
        """
        paired = np.array([a.score - b.score for a, b in zip(self.fastml, self.peer, strict=True)])
        if len(paired) < 2:
            return float(paired.mean()), float("nan")
        half = stats.t.ppf(0.975, len(paired) - 1) * stats.sem(paired)
        return float(paired.mean()), float(half)

    def passed(self) -> bool:
        """Return whether the target is met."""
        level = self.difference()[0] >= TOLERANCE
        if self.case.published is None:
            return level
        return level and self.fastml[0].score >= self.case.published


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """Return what `work` returns, and the wall and CPU seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def permuted(case: Case, source: Source, seed: int) -> tuple[Source, Source, Source]:
    """Split as the sets' READMEs do: the first 70% of permuted rows train, the next 20% score."""
    column = source.select([case.target]).to_table().column(0)
    known = np.flatnonzero(np.asarray(pc.is_valid(column)))
    order = known[np.random.default_rng(seed).permutation(len(known))]
    ends = [int(0.7 * len(order)), int(0.9 * len(order))]
    parts = []
    for rows in (order[: ends[0]][: case.most_rows], order[ends[1] :], order[ends[0] : ends[1]]):
        mask = np.zeros(len(column), bool)
        mask[rows] = True
        parts.append(source.where(mask))
    return parts[0], parts[1], parts[2]


def parts_of(case: Case, source: Source, seed: int) -> tuple[Source, Source, Source]:
    """Return the rows for training, validation and test."""
    if case.published is not None:
        return permuted(case, source, seed)
    if case.metric == "ROC AUC":
        parts = split(source, seed=seed, method="stratified", column=case.target)
    else:
        parts = split(source, seed=seed)
    return parts.train, parts.validation, parts.test


def judge_fastml(case: Case, train: Source, test: Source) -> Judged:
    """Train and judge fastml's pipeline with its defaults."""
    pipeline = Pipeline(target=case.target, drop=case.drop)
    model, wall, cpu = timed(lambda: pipeline.fit(train))
    truth = test.select([case.target]).to_table().column(0).to_numpy()
    if case.metric == "ROC AUC":
        score = roc_auc_score(truth == model.positive_, model.predict_proba(test)[:, 1])
    else:
        score = r2_score(truth, model.predict(test))
    return Judged(float(score), wall, cpu, f"dropped {', '.join(model.dropped_) or 'nothing'}")


def frame(source: Source, case: Case) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return features and target for scikit-learn; of a time its seconds and parts."""
    table = source.to_table().drop_columns(list(case.drop))
    for name in table.column_names:
        times = table[name]
        if pa.types.is_temporal(times.type):
            seconds = times.cast(pa.timestamp("s")).cast(pa.int64())
            table = table.drop_columns([name]).append_column(name, seconds)
            for part in (pc.month, pc.day_of_week, pc.hour):
                label = f"{part.__name__} of {name}"
                table = table.append_column(label, part(times).cast(pa.string()))
    target = table.column(case.target).to_numpy()
    return table.drop_columns([case.target]).to_pandas(), target


def preparation() -> Any:
    """Return scikit-learn's usual preparation of a table."""
    strings = make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (OneHotEncoder(handle_unknown="ignore"), strings),
    )


def judge_peer(case: Case, train: Source, validation: Source, test: Source) -> Judged:
    """Train scikit-learn's pipeline with each penalty; judge the best on validation."""
    (X, y), (X_validation, y_validation), (X_test, y_test) = (
        frame(part, case) for part in (train, validation, test)
    )
    classifies = case.metric == "ROC AUC"

    def score(model: Any, rows: Any, truth: NDArray[Any]) -> float:
        if classifies:
            return float(roc_auc_score(truth == model.classes_[1], model.decision_function(rows)))
        return float(r2_score(truth, model.predict(rows)))

    prepare = preparation()
    ready, wall, cpu = timed(lambda: prepare.fit_transform(X))
    ready_validation, ready_test = prepare.transform(X_validation), prepare.transform(X_test)
    best: tuple[float, Judged] | None = None
    for penalty in C if classifies else ALPHA:
        model = LogisticRegression(C=penalty, max_iter=1000) if classifies else Ridge(penalty)
        model, fit_wall, fit_cpu = timed(partial(model.fit, ready, y))
        chosen_by = score(model, ready_validation, y_validation)
        if best is None or chosen_by > best[0]:
            note = f"{'C' if classifies else 'alpha'}={penalty:g}"
            reached = score(model, ready_test, y_test)
            best = chosen_by, Judged(reached, wall + fit_wall, cpu + fit_cpu, note)
    assert best is not None
    return best[1]


def judge(name: str, folder: Path, seeds: int) -> Found:
    """Judge both sides on a set, seed by seed."""
    case = CASES[name]
    found = Found(name, case)
    source = fastml.scan(folder / case.file)
    for seed in range(min(seeds, case.most_seeds)):
        train, validation, test = parts_of(case, source, seed)
        found.rows = train.count_rows(), test.count_rows()
        found.fastml.append(judge_fastml(case, train, test))
        found.peer.append(judge_peer(case, train, validation, test))
        ours, peer = found.fastml[-1], found.peer[-1]
        print(
            f"{name} seed {seed}: fastml {ours.score:.4f} ({ours.wall_s:.2f} s, {ours.note}), "
            f"scikit-learn {peer.score:.4f} ({peer.wall_s:.2f} s, {peer.note})",
            flush=True,
        )
    return found


def report(all_found: list[Found]) -> Iterator[str]:
    """Yield the lines of a Markdown table, a row a set."""
    heads = (
        "set", "rows (train, test)", "seeds", "metric", "fastml", "scikit-learn",
        "mean paired difference (95%)", "target", "met",
        "fastml wall, CPU s", "scikit-learn wall, CPU s",
    )  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for found in all_found:
        mean, half = found.difference()
        target = f"difference ≥ {TOLERANCE}"
        if found.case.published is not None:
            target += f", seed 0 ≥ {found.case.published} (is {found.fastml[0].score:.4f})"
        cells = (
            found.name,
            f"{found.rows[0]:,}, {found.rows[1]:,}",
            str(len(found.fastml)),
            found.case.metric,
            *(f"{np.mean([j.score for j in side]):.4f}" for side in (found.fastml, found.peer)),
            f"{mean:+.4f} ± {half:.4f}",
            target,
            "yes" if found.passed() else "**no**",
            *(
                f"{np.median([j.wall_s for j in side]):.2f}, "
                f"{np.median([j.cpu_s for j in side]):.2f}"
                for side in (found.fastml, found.peer)
            ),
        )
        yield f"| {' | '.join(cells)} |"


def page(lines: list[str]) -> str:
    """Return QUALITY.md."""
    machine = describe()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        PREAMBLE
        + "\n".join(lines)
        + f"\n\n{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, "
        f"{versions}.\n"
    )


def main() -> int:
    """Judge the sets that are named, or all; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="set", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    wanted = parser.parse_args()
    if unknown := set(wanted.sets) - set(CASES):
        parser.error(f"unknown set {min(unknown)!r}; there are {', '.join(CASES)}")
    folder = os.environ.get("FASTML_DATA")
    if not folder:
        parser.error("set FASTML_DATA to the folder of the published data sets")
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = [judge(name, Path(folder), wanted.seeds) for name in wanted.sets or CASES]
    lines = list(report(found))
    print("\n".join(("", *lines)))
    if wanted.write:
        RESULT.write_text(page(lines), "utf-8")
    return 0 if all(each.passed() for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
