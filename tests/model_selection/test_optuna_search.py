"""A search over the settings of a whole pipeline, on rows that are read once."""

from __future__ import annotations

import errno
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
import pytest

from fastml import Pipeline
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, DataError, NotFittedError
from fastml.evaluation.metrics import find
from fastml.linear_model import LogisticRegression
from fastml.model_selection import LaneSearch, OptunaSearch
from fastml.model_selection.trials import Bar, Scorer, Trial
from fastml.pipeline.target import Target

L2 = {"low": 1e-6, "high": 10.0, "log": True}
MIXED: dict[str, Any] = {
    "imputer.strategy": ["mean", "median", "most_frequent"],
    "encoder.max_categories": [3, None],
    "bins": [None, 4],
    "learner.l2": L2,
}


def rows(n: int = 600, seed: int = 0) -> pa.Table:
    """Return rows with numbers that bend, some missing, and a category."""
    rng = np.random.default_rng(seed)
    a, b, city = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 12, n)
    y = np.abs(a) + 0.5 * b + 0.2 * city + rng.normal(size=n)
    return pa.table(
        {
            "a": a,
            "b": pa.array(b, mask=rng.random(n) < 0.2),
            "city": [f"c{i}" for i in city],
            "w": rng.random(n) + 0.5,
            "y": y,
            "sign": np.where(y > 2.0, "yes", "no"),
            "third": np.where(y > 2.5, "high", np.where(y > 1.2, "middle", "low")),
        }
    )


def pipeline(target: str = "sign", learner: Any = None, **given: Any) -> Pipeline:
    others = [name for name in ("y", "sign", "third", "w") if name != target]
    return Pipeline(learner, target=target, drop=others, threads=1, **given)


def search(space: dict[str, Any] | None = None, **given: Any) -> OptunaSearch:
    options = {"trials": 8, "pipeline": pipeline()} | given
    return OptunaSearch(options.pop("pipeline"), MIXED if space is None else space, **options)


def told(trials: list[Trial]) -> list[Trial]:
    return [replace(trial, seconds=0.0) for trial in trials]


# -- what is found --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "metric"), [("sign", "roc_auc"), ("third", "log_loss"), ("y", "rmse")]
)
def test_the_best_is_the_pipeline_with_those_settings(target: str, metric: str) -> None:
    found = search(pipeline=pipeline(target)).fit(rows(), validation=rows(300, 1))
    assert found.scoring_ == metric
    params = found.best_params_
    assert params["bins"] == 4, "the target bends"
    assert found.best_score_ != found.given_.score
    best = found.best_pipeline_
    assert best.evaluate(rows(300, 1)).metrics[metric] == pytest.approx(found.best_score_, rel=1e-6)
    alone = best.clone().fit(rows(), validation=rows(300, 1))
    assert alone.learner_.l2 == params["learner.l2"]
    np.testing.assert_array_equal(alone.learner_.weights_, best.learner_.weights_)
    np.testing.assert_array_equal(alone.predict(rows(50, 2)), best.predict(rows(50, 2)))
    assert alone.dropped_ == best.dropped_
    assert best.learner_.n_features_in_ == alone.learner_.n_features_in_


def test_trials_that_change_the_learner_share_encoded_rows() -> None:
    found = search({"learner.l2": L2, "learner.solver": ["lbfgs", "auto"]}, trials=9).fit(rows())
    assert found.encoded_ == 1
    assert found.reused_ == 10, "nine trials, and the pipeline as given"
    mixed = search(trials=9).fit(rows())
    plans = {tuple(v for k, v in t.params.items() if k != "learner.l2") for t in mixed.trials_}
    assert mixed.encoded_ == len(plans | {("mean", None, None)})
    assert mixed.encoded_ + mixed.reused_ == 11


def test_settings_of_the_same_plan_share_encoded_rows() -> None:
    found = search({"encoder.max_categories": [100, 200, None], "pruner.threshold": [0.8, 0.9]})
    assert found.fit(rows()).encoded_ == 1


def test_each_row_is_read_once() -> None:
    def stream(table: pa.Table) -> pa.RecordBatchReader:
        return table.to_reader()

    found = search().fit(stream(rows()), validation=stream(rows(300, 1)))
    kept = search().fit(rows(), validation=rows(300, 1))
    assert told(found.trials_) == told(kept.trials_)


def test_little_memory_changes_nothing_but_the_work() -> None:
    ample, tight = search().fit(rows()), search(most_bytes=0).fit(rows())
    assert told(ample.trials_) == told(tight.trials_)
    assert tight.encoded_ >= ample.encoded_
    assert tight.encoded_ + tight.reused_ == ample.encoded_ + ample.reused_


def test_row_weights_and_the_metric_count() -> None:
    weighted = OptunaSearch(
        Pipeline(target="sign", weight="w", drop=["y", "third"], threads=1),
        {"learner.l2": [0.01, 1.0]},
        trials=3,
        scoring="accuracy",
    ).fit(rows(), validation=rows(300, 1))
    best = weighted.best_pipeline_
    assert best.evaluate(rows(300, 1)).metrics["accuracy"] == pytest.approx(weighted.best_score_)


def test_what_is_given_wins_where_nothing_is_better() -> None:
    found = search({"learner.l2": [1e6, 1e7]}, trials=4).fit(rows())
    assert found.best_params_ == {}
    assert found.best_trial_ is found.given_
    assert found.best_pipeline_.learner_.l2 is None
    repeated = [trial.same_as is not None for trial in found.trials_]
    assert repeated.count(False) == 2, "no settings are tried twice"


def test_kinds_of_learners_are_compared() -> None:
    space = {
        "learner.kind": ["linear", "xgboost"],
        "learner.rounds": [16],
        "learner.max_depth": {"low": 1, "high": 6},
        "learner.linear.l2": L2,
    }
    found = search(space, trials=10).fit(rows(), validation=rows(300, 1))
    assert {trial.params["learner.kind"] for trial in found.trials_} == {"linear", "xgboost"}
    assert found.best_params_["learner.kind"] == "xgboost", "the target bends"
    assert type(found.best_pipeline_.learner_).__name__ == "BoostedTrees"
    assert any(8 in trial.reports and 16 in trial.reports for trial in found.trials_)


def test_a_trial_may_be_a_search_in_lanes() -> None:
    lanes = LaneSearch(LogisticRegression(), {"l2": [1e-4, 1e-2, 1.0]})
    found = search({"bins": [None, 4]}, trials=3, pipeline=pipeline(learner=lanes)).fit(rows())
    assert found.best_params_ == {"bins": 4}
    assert found.best_pipeline_.tried_ is not None


def test_a_bootstrap_is_drawn_for_the_best_alone() -> None:
    given = pipeline(learner=LogisticRegression(bootstrap=3))
    drawn = search(trials=3, pipeline=given).fit(rows())
    assert told(drawn.trials_) == told(search(trials=3).fit(rows()).trials_)
    low, high = drawn.best_pipeline_.predict_interval(rows(5))
    assert (low <= high).all()


# -- the same again -------------------------------------------------------------------------


class Interrupted:
    """Ends a search as Ctrl-C would, after some trials."""

    def __init__(self, after: int) -> None:
        self.left = after + 1  # the pipeline as given

    def __call__(self, trial: Trial) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_search_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    whole = search(trials=14).fit(rows())
    cut = search(trials=14, journal=journal)
    with pytest.raises(KeyboardInterrupt):
        cut.fit(rows(), callback=Interrupted(11))
    assert told(cut.trials_) == told(whole.trials_[:11]), "what was found is kept"
    assert cut.best_score_ >= cut.given_.score
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker')  # a line that a crash cut short
    again = search(trials=14, journal=journal).fit(rows())
    assert again.resumed_ == 11
    assert told(again.trials_) == told(whole.trials_)
    assert again.best_params_ == whole.best_params_
    more = search(trials=16, journal=journal).fit(rows())
    assert (more.resumed_, len(more.trials_)) == (14, 16)


def test_one_file_holds_many_searches(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    search(trials=3, journal=journal).fit(rows())
    for other in (
        search(trials=2, journal=journal, seed=1),
        search({"bins": [2, 3]}, trials=2, journal=journal),
        search(trials=2, journal=journal, scoring="log_loss"),
        search(trials=2, journal=journal, pipeline=pipeline(infinite="missing")),
    ):
        assert other.fit(rows()).resumed_ == 0
    assert search(trials=3, journal=journal).fit(rows(seed=5)).resumed_ == 0, "other rows"
    assert search(trials=3, journal=journal).fit(rows()).resumed_ == 3
    roomy = pipeline(memory="4GB", cache=tmp_path / "no.cache")
    assert search(trials=3, journal=journal, pipeline=roomy).fit(rows()).resumed_ == 3
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(journal))
    )
    studies = optuna.get_all_study_summaries(storage)
    assert len(studies) == 6
    assert {"scoring", "space", "rows"} <= set(studies[0].user_attrs)


def test_parallel_trials_are_the_same_each_time() -> None:
    one, other = (search(trials=12, jobs=3, threads=3).fit(rows()) for _ in range(2))
    assert told(one.trials_) == told(other.trials_)
    assert [trial.number for trial in one.trials_] == list(range(12))


def test_threads_change_nothing() -> None:
    one, many = (search(threads=n).fit(rows(70_000)) for n in (1, 3))
    assert told(one.trials_) == told(many.trials_)


# -- the end of trials ----------------------------------------------------------------------


def test_a_trial_behind_the_median_is_given_up() -> None:
    scorer = Scorer(find("log_loss", "binary"), Target("y", "binary", ("no", "yes")))
    others = [Trial(i, {}, "complete", reports={8: 0.1 * i, 16: 0.1}) for i in range(5)]
    bar = Bar(others, scorer)
    assert not bar.stops(8, {8: 0.2})
    assert bar.stops(8, {8: 0.21})
    assert not bar.stops(16, {8: 0.05, 16: 0.3}), "its best so far counts"
    assert not bar.stops(32, {32: 9.0})
    assert not Bar(others[:4], scorer).stops(8, {8: 9.0})


def test_hopeless_trials_end_early() -> None:
    space = {
        "learner.learning_rate": {"low": 1e-3, "high": 0.5, "log": True},
        "learner.max_depth": {"low": 1, "high": 8},
    }
    given = pipeline("y", BoostedTrees(rounds=40))
    found = search(space, trials=20, pipeline=given).fit(rows(), validation=rows(300, 1))
    pruned = [trial for trial in found.trials_ if trial.state == "pruned"]
    assert pruned
    assert all(max(trial.reports) < 40 for trial in pruned)
    assert found.best_trial_.state == "complete"
    free = search(space, trials=20, pipeline=given, prune=False)
    assert {trial.state for trial in free.fit(rows()).trials_} == {"complete"}


def test_a_trial_that_fails_is_told_and_the_search_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    space = {"learner.l2": [-1.0, 0.01]}
    found = search(space, trials=6, journal=journal).fit(rows())
    failed = [trial for trial in found.trials_ if trial.state == "failed"]
    assert failed
    assert "l2 is -1.0; expected" in failed[0].error
    assert math.isnan(failed[0].score)
    assert failed[0].to_dict()["score"] is None
    assert found.best_trial_.state == "complete"
    again = search(space, trials=6, journal=journal).fit(rows())
    assert [t.error for t in again.trials_] == [t.error for t in found.trials_]


def test_where_all_trials_fail_the_search_says_why() -> None:
    given = pipeline(learner=LogisticRegression(l1=-1.0))
    found = search({"learner.l2": L2}, trials=50, pipeline=given)
    with pytest.raises(DataError, match=r"none of 11 trials could be .* l1 is -1.0; expected"):
        found.fit(rows())


def test_a_metric_that_the_rows_do_not_define_is_told() -> None:
    held_out = rows(300, 1)
    held_out = held_out.filter(pa.compute.equal(held_out["sign"], "yes"))
    with pytest.raises(DataError, match="roc_auc is not defined on the validation rows"):
        search(trials=2).fit(rows(), validation=held_out)


def test_time_ends_a_search() -> None:
    found = search(trials=50, time_budget=1e-6).fit(rows())
    assert found.trials_ == []
    assert found.best_trial_ is found.given_
    assert found.best_pipeline_.predict(rows(3)).shape == (3,)


# -- mistakes -------------------------------------------------------------------------------


def test_without_optuna_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'fastml\[tune\]'"):
        search().fit("no such file")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 0}, "trials is 0; expected a whole number >= 1"),
        ({"jobs": 1.5}, "jobs is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"time_budget": 0}, "time_budget is 0"),
        ({"scoring": "auc"}, "scoring is 'auc', which is no metric; did you mean"),
        ({"scoring": "profit"}, "choose one of accuracy"),
        ({"scoring": "rmse"}, "measures regression, not binary"),
        ({"space": {"learner.loss": ["huber"]}}, "no parameter of a LogisticRegression"),
    ],
)
def test_mistakes_are_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        search(**given).fit(rows())


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2")
    with pytest.raises(ConfigError, match=r"other\.csv is no journal of a search"):
        search(journal=other).fit(rows())
    assert other.read_text() == "a,b\n1,2"
    with pytest.raises(ConfigError, match="cannot be written"):
        search(journal=tmp_path / "nowhere" / "a.journal").fit(rows())


def test_a_search_that_was_not_made_has_no_best() -> None:
    with pytest.raises(NotFittedError):
        search().best_params_  # noqa: B018


def test_any_share_of_near_predictions_may_score() -> None:
    found = search({"learner.l2": L2}, pipeline=pipeline("y"), scoring="within_30pct", trials=2)
    assert 0.0 < found.fit(rows()).best_score_ < 1.0


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    begun = search(trials=3, journal=tmp_path / "a.journal")
    monkeypatch.setattr("optuna.storages.journal.JournalFileBackend.append_logs", full)
    with pytest.raises(ConfigError, match=r"a\.journal cannot be written: No space left"):
        begun.fit(rows())
