"""Judges a linear model with bins and crosses beside gradient-boosted trees.

Usage: ``python -m benchmarks.trees [set ...] [--seeds 3] [--write]``

The environment variable FASTML_DATA names the folder of the published data sets. All sides train
on the same rows and are judged on the same test rows, by ROC AUC or R². The bins and crosses of a
set were chosen by eye and by the validation rows of seed 0. The linear models and XGBoost (through
`fastml.ensemble.BoostedTrees`, with its defaults: it stops by the validation rows) read the Parquet
file; scikit-learn's HistGradientBoosting, with its defaults, is handed its table in memory.
``--write`` writes TREES.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import fastml
from benchmarks.machine import describe
from benchmarks.quality import CASES, Case, Judged, frame, parts_of, timed
from fastml.data import Source
from fastml.ensemble import BoostedTrees
from fastml.pipeline import Pipeline

RESULT = Path(__file__).with_name("TREES.md")
SIDES = ("a line", "bins and crosses", "XGBoost", "HistGradientBoosting")
PREAMBLE = """# A linear model with bins and crosses, beside boosted trees

How much of what boosted trees gain over a linear model do bins and crosses gain, and in what time
(`python -m benchmarks.trees --write`)? Every side trained on the same 70% and was judged on the
same test rows, anew for every seed; scores are means, times medians of one
training. "a line" is `fastml.Pipeline` with its defaults, "bins and crosses" the same with what the
last table says, XGBoost is `fastml.ensemble.BoostedTrees` with its defaults (up to 500 trees,
stopped by the validation rows): these three read the Parquet file. scikit-learn's
HistGradientBoosting, with its defaults (100 trees), has its table in memory. "of the gain" is the
share of the better trees' gain over the line, "times as fast" against the same trees.

Bins and crosses were chosen by eye and by the validation rows of seed 0. The flights' rows are
split at random, so that the delays of a day are learned from other flights of that day: this tells
what a model can express, not how well it foretells.

"""


@dataclass(frozen=True)
class Bends:
    """A set, and what lets a line bend there."""

    case: Case
    bins: int | dict[str, int]
    crosses: tuple[tuple[str, ...], ...] = ()


SETS = {
    "adult_income": Bends(
        Case("adult_income/data.parquet", "income", "ROC AUC"),
        64,
        (("capital-gain", "marital-status"), ("gender", "marital-status")),
    ),
    "census_income_kdd": Bends(CASES["census_income_kdd"], 64),
    "diamonds": Bends(
        CASES["diamonds"],
        32,
        (
            ("carat", "clarity"),
            ("carat", "color"),
            ("color", "clarity"),
            ("carat", "clarity", "color"),
        ),
    ),
    "nycflights13": Bends(
        CASES["nycflights13"],
        64,
        (
            ("month", "day"),
            ("month", "day", "hour"),
            ("month", "day", "origin"),
            ("carrier", "dest"),
        ),
    ),
    "flights_3m": Bends(
        replace(CASES["flights_3m"], most_rows=None, most_seeds=1),
        {"distance": 64, "date": 255},
        (
            ("date", "origin"),
            ("date", "destination"),
            ("date.hour", "origin"),
            ("date.hour", "destination"),
            ("date.hour", "date.weekday"),
            ("date.month", "origin"),
            ("date.month", "destination"),
            ("origin", "destination"),
        ),
    ),
}


@dataclass
class Found:
    """All seeds of a set, by side."""

    name: str
    rows: tuple[int, int] = (0, 0)
    sides: dict[str, list[Judged]] = field(default_factory=lambda: {side: [] for side in SIDES})

    def score(self, side: str) -> float:
        """Return the mean score."""
        return float(np.mean([each.score for each in self.sides[side]]))

    def seconds(self, side: str) -> tuple[float, float]:
        """Return the medians of the wall and the CPU seconds."""
        judged = self.sides[side]
        wall, cpu = [each.wall_s for each in judged], [each.cpu_s for each in judged]
        return float(np.median(wall)), float(np.median(cpu))


def judge_pipeline(case: Case, pipeline: Pipeline, parts: tuple[Source, Source, Source]) -> Judged:
    """Train a pipeline from the file, and judge it."""
    train, validation, test = parts
    trees = isinstance(pipeline.learner, BoostedTrees)
    held_out = {"validation": validation} if trees else {}
    model, wall, cpu = timed(lambda: pipeline.fit(train, **held_out))
    truth = test.select([case.target]).to_table().column(0).to_numpy()
    if case.metric == "ROC AUC":
        score = roc_auc_score(truth == model.positive_, model.predict_proba(test)[:, 1])
    else:
        score = r2_score(truth, model.predict(test))
    return Judged(float(score), wall, cpu, f"{model.plan_.n_codes:,} codes")


def judge_histogram(case: Case, train: Source, test: Source) -> Judged:
    """Train scikit-learn's boosted trees on the table in memory; strings by their order."""
    (X, y), (X_test, y_test) = frame(train, case), frame(test, case)
    classifies = case.metric == "ROC AUC"
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    codes = OrdinalEncoder(**unknown), make_column_selector(dtype_exclude="number")
    kind = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    model = make_pipeline(
        make_column_transformer(codes, remainder="passthrough"), kind(random_state=0)
    )
    _, wall, cpu = timed(lambda: model.fit(X, y))
    if classifies:
        positive = model.predict_proba(X_test)[:, 1]
        return Judged(float(roc_auc_score(y_test == model.classes_[1], positive)), wall, cpu)
    return Judged(float(r2_score(y_test, model.predict(X_test))), wall, cpu)


def judge(name: str, folder: Path, seeds: int) -> Found:
    """Judge every side on a set, seed by seed."""
    bends = SETS[name]
    case, found = bends.case, Found(name)
    source = fastml.scan(folder / case.file)
    given: dict[str, Any] = {"target": case.target, "drop": case.drop}
    for seed in range(min(seeds, case.most_seeds)):
        parts = parts_of(case, source, seed)
        found.rows = parts[0].count_rows(), parts[2].count_rows()
        pipelines = (
            Pipeline(**given),
            Pipeline(bins=bends.bins, crosses=bends.crosses, **given),
            Pipeline(BoostedTrees(), **given),
        )
        judged = [judge_pipeline(case, pipeline, parts) for pipeline in pipelines]
        judged.append(judge_histogram(case, parts[0], parts[2]))
        for side, each in zip(SIDES, judged, strict=True):
            found.sides[side].append(each)
            print(f"{name} seed {seed}: {side} {each.score:.4f}, {each.wall_s:.2f} s {each.note}")
    return found


def report(all_found: list[Found]) -> Iterator[str]:
    """Yield the lines of two Markdown tables: what was found, and what bends where."""
    heads = ("set", "rows (train, test)", "seeds", "metric", *SIDES)
    heads += (*(f"{side}: wall, CPU s" for side in SIDES), "of the gain", "times as fast")
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for found in all_found:
        line, bent = found.score(SIDES[0]), found.score(SIDES[1])
        trees = max(SIDES[2:], key=found.score)
        cells = (
            found.name,
            f"{found.rows[0]:,}, {found.rows[1]:,}",
            str(len(found.sides[SIDES[0]])),
            SETS[found.name].case.metric,
            *(f"{found.score(side):.4f}" for side in SIDES),
            *("{:.2f}, {:.2f}".format(*found.seconds(side)) for side in SIDES),
            f"{(bent - line) / (found.score(trees) - line):.0%}",
            f"{found.seconds(trees)[0] / found.seconds(SIDES[1])[0]:.1f}",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "| set | bins | crosses |"
    yield "|---|---|---|"
    for found in all_found:
        bends = SETS[found.name]
        crosses = ", ".join(" x ".join(cross) for cross in bends.crosses) or "none"
        bins = bends.bins
        each = (
            f"{bins}" if isinstance(bins, int) else ", ".join(f"{k} {v}" for k, v in bins.items())
        )
        yield f"| {found.name} | {each} | {crosses} |"


def page(lines: list[str]) -> str:
    """Return TREES.md."""
    machine = describe()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        PREAMBLE
        + "\n".join(lines)
        + f"\n\n{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, "
        f"{versions}.\n"
    )


def main() -> int:
    """Judge the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="set", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    wanted = parser.parse_args()
    if unknown := set(wanted.sets) - set(SETS):
        parser.error(f"unknown set {min(unknown)!r}; there are {', '.join(SETS)}")
    folder = os.environ.get("FASTML_DATA")
    if not folder:
        parser.error("set FASTML_DATA to the folder of the published data sets")
    found = [judge(name, Path(folder), wanted.seeds) for name in wanted.sets or SETS]
    lines = list(report(found))
    print("\n".join(("", *lines)))
    if wanted.write:
        RESULT.write_text(page(lines), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
