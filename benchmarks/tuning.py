"""Searches the settings of a pipeline by trials, beside scikit-learn and Optuna doing the same.

Usage: ``python -m benchmarks.tuning [set ...] [--trials 30] [--write]``

The environment variable FASTML_DATA names the folder of the published data sets. Both sides try as
many settings from the same space, proposed by Optuna's TPE, train on the same rows, score by ROC
AUC on the same validation rows, and are judged on the same test rows. fastml reads the Parquet
file, on every core; scikit-learn, whose solver runs on one, is handed its table in memory. In
``--quick`` figures nothing is written. ``--write`` writes TUNING.md.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

import fastml
from benchmarks.machine import describe
from benchmarks.quality import CASES, Case, Judged, frame, parts_of, timed
from fastml.data import Source
from fastml.model_selection import OptunaSearch
from fastml.pipeline import Pipeline

RESULT = Path(__file__).with_name("TUNING.md")
SETS = {
    "telco_churn_mlc": CASES["telco_churn_mlc"],
    "adult_income": Case("adult_income/data.parquet", "income", "ROC AUC"),
    "census_income_kdd": CASES["census_income_kdd"],
}
L2 = {"low": 1e-8, "high": 1e-2, "log": True}
LINEAR: dict[str, Any] = {
    "imputer.strategy": ["mean", "median"],
    "encoder.max_categories": [10, 50, None],
    "bins": [None, 8, 32],
}
BOTH = LINEAR | {
    "learner.kind": ["linear", "xgboost"],
    "learner.linear.l2": L2,
    "learner.xgboost.learning_rate": {"low": 0.02, "high": 0.3, "log": True},
    "learner.max_depth": {"low": 2, "high": 10},
    "learner.subsample": {"low": 0.5, "high": 1.0},
}
SIDES = ("defaults", "fastml, a line", "scikit-learn + Optuna, a line", "fastml, line or trees")
PREAMBLE = """# A search over the settings of a pipeline, beside scikit-learn and Optuna

What does a search find, and in what time (`python -m benchmarks.tuning --write`)? Every search
makes {trials} trials and scores them by ROC AUC on the validation rows (20%); what it finds is
judged on the test rows (10%). "a line" searches the imputation, the cap of categories, bins and the
ridge penalty; scikit-learn has the same choices as `SimpleImputer`, `OneHotEncoder`,
`KBinsDiscretizer` and `LogisticRegression` (lbfgs, 300 iterations), each trial a pipeline that is
fitted anew on the table in memory. (Where most values of a number are the same, most of
scikit-learn's quantile bins fall together; fastml gives that value a bin, and the rest share the
others.) "line or trees" searches XGBoost's settings, too. "defaults" is `fastml.Pipeline` alone.
fastml reads the Parquet file and trains on every core; scikit-learn's solver runs on one.

"""


@dataclass
class Found:
    """What each side reached on a set."""

    name: str
    rows: tuple[int, int] = (0, 0)
    sides: dict[str, Judged] = field(default_factory=dict)


def area(case: Case, model: Pipeline, test: Source) -> float:
    """Return the ROC AUC of a fitted pipeline."""
    truth = test.select([case.target]).to_table().column(0).to_numpy()
    return float(roc_auc_score(truth == model.positive_, model.predict_proba(test)[:, 1]))


def judge_search(
    case: Case, parts: tuple[Source, Source, Source], space: dict[str, Any], trials: int
) -> Judged:
    """Search with fastml."""
    train, validation, test = parts
    given = Pipeline(target=case.target, drop=case.drop)
    search = OptunaSearch(given, space, scoring="roc_auc", trials=trials)
    _, wall, cpu = timed(lambda: search.fit(train, validation=validation))
    pruned = sum(trial.state == "pruned" for trial in search.trials_)
    note = (
        f"validation {search.best_score_:.4f}, encoded {search.encoded_} times, {pruned} given up, "
        f"{search.best_params_}"
    )
    return Judged(area(case, search.best_pipeline_, test), wall, cpu, note)


def peer_pipeline(trial: optuna.Trial, n_rows: int) -> Any:
    """Return scikit-learn's pipeline of the settings that a trial proposes."""
    strategy = trial.suggest_categorical("strategy", ["mean", "median"])
    most = trial.suggest_categorical("max_categories", [10, 50, None])
    bins = trial.suggest_categorical("bins", [None, 8, 32])
    l2 = trial.suggest_float("l2", 1e-8, 1e-2, log=True)
    numbers = make_column_selector(dtype_include="number")
    steps = [
        (make_pipeline(SimpleImputer(strategy=strategy), StandardScaler()), numbers),
        (
            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=most),
            make_column_selector(dtype_exclude="number"),
        ),
    ]
    if bins is not None:
        cut = KBinsDiscretizer(bins, encode="onehot", strategy="quantile", random_state=0)
        steps.append((make_pipeline(SimpleImputer(strategy=strategy), cut), numbers))
    learner = LogisticRegression(C=1.0 / (l2 * n_rows), max_iter=300)
    return make_pipeline(make_column_transformer(*steps), learner)


def judge_peer(case: Case, parts: tuple[Source, Source, Source], trials: int) -> Judged:
    """Search with scikit-learn and Optuna."""
    (X, y), (X_validation, y_validation), (X_test, y_test) = (frame(p, case) for p in parts)
    best: list[tuple[float, Any]] = []

    def score(model: Any, rows: Any, truth: Any) -> float:
        return float(roc_auc_score(truth == model.classes_[1], model.decision_function(rows)))

    def objective(trial: optuna.Trial) -> float:
        model = peer_pipeline(trial, len(y)).fit(X, y)
        reached = score(model, X_validation, y_validation)
        if not best or reached > best[0][0]:
            best[:] = [(reached, model)]
        return reached

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    _, wall, cpu = timed(lambda: study.optimize(objective, n_trials=trials))
    note = f"validation {study.best_value:.4f}, {study.best_params}"
    return Judged(score(best[0][1], X_test, y_test), wall, cpu, note)


def judge(name: str, folder: Path, trials: int) -> Found:
    """Judge every side on a set."""
    case, found = SETS[name], Found(name)
    parts = parts_of(case, fastml.scan(folder / case.file), 0)
    found.rows = parts[0].count_rows(), parts[2].count_rows()
    given = Pipeline(target=case.target, drop=case.drop)
    model, wall, cpu = timed(lambda: given.fit(parts[0], validation=parts[1]))
    judged = (
        Judged(area(case, model, parts[2]), wall, cpu),
        judge_search(case, parts, LINEAR | {"learner.l2": L2}, trials),
        judge_peer(case, parts, trials),
        judge_search(case, parts, BOTH, trials),
    )
    for side, each in zip(SIDES, judged, strict=True):
        found.sides[side] = each
        print(f"{name}: {side} {each.score:.4f}, {each.wall_s:.2f} s {each.note}", flush=True)
    return found


def report(all_found: list[Found]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    heads = ("set", "rows (train, test)", *(f"{side}: ROC AUC, wall s" for side in SIDES))
    yield f"| {' | '.join(heads)} | times as fast | CPU |"
    yield "|" + "---|" * (len(heads) + 2)
    for found in all_found:
        own, peer = found.sides[SIDES[1]], found.sides[SIDES[2]]
        cells = (
            found.name,
            f"{found.rows[0]:,}, {found.rows[1]:,}",
            *(f"{each.score:.4f}, {each.wall_s:.2f}" for each in found.sides.values()),
            f"{peer.wall_s / own.wall_s:.0f}",
            f"{peer.cpu_s / own.cpu_s:.0f}",
        )
        yield f"| {' | '.join(cells)} |"


def page(lines: list[str], trials: int) -> str:
    """Return TUNING.md."""
    machine = describe()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        PREAMBLE.format(trials=trials)
        + "\n".join(lines)
        + '\n\n"times as fast" is the wall time of scikit-learn + Optuna against that of fastml '
        f'for a line, "CPU" the same of CPU time. {machine["processor"]}, {machine["cores"]} '
        f"cores; Python {machine['python']}, {versions}, Optuna {optuna.__version__}.\n"
    )


def main() -> int:
    """Judge the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="set", help=", ".join(SETS))
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    wanted = parser.parse_args()
    if unknown := set(wanted.sets) - set(SETS):
        parser.error(f"unknown set {min(unknown)!r}; there are {', '.join(SETS)}")
    folder = os.environ.get("FASTML_DATA")
    if not folder:
        parser.error("set FASTML_DATA to the folder of the published data sets")
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    np.seterr(all="ignore")
    found = [judge(name, Path(folder), wanted.trials) for name in wanted.sets or SETS]
    lines = list(report(found))
    print("\n".join(("", *lines)))
    if wanted.write:
        RESULT.write_text(page(lines, wanted.trials), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
