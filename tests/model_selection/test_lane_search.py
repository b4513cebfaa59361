"""The search in lanes: as good as searching model by model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import linear_model as peers
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.utils.estimator_checks import check_estimator

import fastml
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, DataError, NotFittedError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.design import Design, DesignBlock
from fastml.model_selection import LaneSearch, LogUniform
from fastml.model_selection.folds import assign_folds
from tests.linear_model.problems import classes_table, coded_design, numbers_table


@pytest.mark.parametrize("n_classes", [2, 3])
def test_penalties_are_scored_as_one_by_one(n_classes: int) -> None:
    x, y = classes_table(600, d=8, n_classes=n_classes)
    grid = [1e-4, 1e-2, 1.0, 30.0]
    found = LaneSearch(LogisticRegression(), {"l2": grid}, folds=4).fit(x, y)
    folds = assign_folds(600, 4, codes=y)
    n = 450
    peer = GridSearchCV(
        peers.LogisticRegression(max_iter=2000, tol=1e-8),
        {"C": [1 / (l2 * n) for l2 in grid]},
        cv=PredefinedSplit(folds),
        scoring="neg_log_loss",
    ).fit(x, y)
    expected = -peer.cv_results_["mean_test_score"]
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, rtol=1e-4)
    std = peer.cv_results_["std_test_score"]
    np.testing.assert_allclose(found.cv_results_["std_test_score"], std, rtol=1e-2)
    np.testing.assert_array_equal(
        found.cv_results_["rank_test_score"], peer.cv_results_["rank_test_score"]
    )
    assert found.best_params_ == {"l2": grid[peer.best_index_]}
    whole = LogisticRegression(**found.best_params_).fit(x, y)
    np.testing.assert_allclose(found.best_estimator_.weights_, whole.weights_, atol=1e-5)
    np.testing.assert_array_equal(found.predict(x), whole.predict(x))
    assert found.score(x, y) == pytest.approx(whole.score(x, y))
    np.testing.assert_array_equal(found.classes_, np.arange(n_classes))


def test_a_regression_by_its_errors() -> None:
    x, y = numbers_table(500, d=6)
    grid = [1e-6, 1e-2, 10.0]
    found = LaneSearch(LinearRegression(), {"l2": grid, "l1": [0.0, 5.0]}, folds=3).fit(x, y)
    assert found.scorer_ == "rmse"
    folds = assign_folds(500, 3)
    for candidate, score in zip(
        found.cv_results_["params"], found.cv_results_["mean_test_score"], strict=True
    ):
        errors = []
        for fold in range(3):
            kept = folds != fold
            one = LinearRegression(**candidate).fit(x[kept], y[kept])
            errors.append(np.sqrt(np.mean((one.predict(x[~kept]) - y[~kept]) ** 2)))
        assert score == pytest.approx(np.mean(errors), rel=1e-4)
    assert found.best_index_ == int(np.argmin(found.cv_results_["mean_test_score"]))


def test_any_metric_may_choose() -> None:
    x, y = classes_table(400)
    space = {"l2": [1e-3, 1.0], "class_weight": [None, "balanced", {1: 5.0}]}
    found = LaneSearch(LogisticRegression(), space, scoring="recall").fit(x, y)
    scores = found.cv_results_["mean_test_score"]
    assert found.best_score_ == scores.max()
    assert found.best_params_["class_weight"] == {1: 5.0}
    with pytest.raises(ConfigError, match="no metric; did you mean 'recall'"):
        LaneSearch(LogisticRegression(), space, scoring="rcall").fit(x, y)
    with pytest.raises(ConfigError, match="rmse"):
        LaneSearch(LogisticRegression(), space, scoring="rmse").fit(x, y)
    with pytest.raises(ConfigError, match=r"profit.*needs a threshold"):
        LaneSearch(LogisticRegression(), space, scoring="profit").fit(x, y)
    x, y = numbers_table(200)
    found = LaneSearch(LinearRegression(), {"l2": [1e-3, 1e3]}, scoring="within_30pct").fit(x, y)
    assert found.best_params_ == {"l2": 1e-3}
    assert found.scorer_ == "within_30pct"


def test_classes_against_the_rest() -> None:
    x, y = classes_table(400, n_classes=4)
    learner = LogisticRegression(multi_class="one_vs_rest")
    found = LaneSearch(learner, {"l2": [1e-3, 1.0, 100.0]}, folds=3).fit(x, y)
    for candidate, score in zip(
        found.cv_results_["params"], found.cv_results_["mean_test_score"], strict=True
    ):
        losses = []
        for fold in range(3):
            kept = assign_folds(400, 3, codes=y) != fold
            one = learner.clone().set_params(**candidate).fit(x[kept], y[kept])
            chance = one.predict_proba(x[~kept])
            losses.append(-np.log(chance[np.arange((~kept).sum()), y[~kept]]).mean())
        assert score == pytest.approx(np.mean(losses), rel=1e-4)


def racing(**settings: Any) -> LaneSearch:
    learner = LogisticRegression(solver="sgd", epochs=4)
    space = {"l2": [1e-5, 1e-3, 0.3, 3.0], "learning_rate": [0.1, 1e-4]}
    return LaneSearch(learner, space, **settings)


def test_a_race_ends_with_one_of_the_best() -> None:
    design = coded_design(20_000)
    search = racing(folds=3).fit_design(design, classes=[0, 1])
    assert search.best_params_ in (
        {"l2": 1e-5, "learning_rate": 0.1},
        {"l2": 1e-3, "learning_rate": 0.1},
    )
    epochs = search.cv_results_["epochs"]
    assert sorted(epochs) == [1.0] * 4 + [2.0] * 2 + [4.0] * 2
    assert epochs[search.best_index_] == 4.0
    assert search.cv_results_["rank_test_score"][search.best_index_] == 1
    everyone = racing(folds=3, halving=False)
    assert everyone.fit_design(design, classes=[0, 1]).best_params_ == search.best_params_


def test_threads_do_not_change_a_bit() -> None:
    design = coded_design(6_000)
    one, three = (racing(folds=2, threads=t).fit_design(design, classes=[0, 1]) for t in (1, 3))
    for key in ("mean_test_score", "epochs"):
        np.testing.assert_array_equal(one.cv_results_[key], three.cv_results_[key])
    np.testing.assert_array_equal(one.best_estimator_.weights_, three.best_estimator_.weights_)


def test_large_tables_race_and_converge_from_the_winners_lane() -> None:
    design = coded_design(60_000)
    space = {"l2": [1e-6, 1e-5, 1e-4, 1e-2, 1.0]}
    search = LaneSearch(LogisticRegression(tolerance=1e-8), space)
    search.fit_design(design, classes=[0, 1])
    assert set(search.cv_results_["epochs"]) == {16_384 / 60_000, 1.0}
    assert search.best_params_["l2"] in (1e-6, 1e-5, 1e-4)
    alone = LogisticRegression(**search.best_params_, tolerance=1e-8).fit_design(design)
    assert search.best_estimator_.objective_ == pytest.approx(alone.objective_, rel=1e-5)
    assert search.best_estimator_.stop_reason_ == "tolerance"


@pytest.mark.parametrize("folds", [None, 3])
def test_a_race_on_samples_ends_near_the_best_of_all(folds: int | None) -> None:
    sizes = (3, 40, 5_000)  # most of the categories are rare, and want a penalty
    design, held_out = coded_design(50_000, sizes=sizes), coded_design(50_000, sizes=sizes, seed=1)
    space = {"l2": [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]}
    searches = [
        LaneSearch(LogisticRegression(), space, folds=folds, halving=halving).fit_design(
            design, validation=held_out, classes=[0, 1]
        )
        for halving in (True, False)
    ]
    thorough = searches[1].cv_results_["mean_test_score"]
    assert thorough[searches[0].best_index_] < thorough.min() * 1.0005
    assert thorough[0] > thorough.min() * 1.01


def test_validation_rows_judge_where_there_are_no_folds() -> None:
    design, held_out = coded_design(4_000), coded_design(2_000, seed=5)
    search = LaneSearch(LogisticRegression(), {"l2": [1e-4, 1e-2, 1.0]})
    search.fit_design(design, validation=held_out, classes=[0, 1])
    assert "split1_test_score" not in search.cv_results_
    watched = LogisticRegression(l2=1e-2).fit_design(design, classes=[0, 1])
    rows = [(watched.predict_scores(b), b.target) for b in held_out.blocks]
    loss = np.concatenate([-np.log(np.where(y == 1, p, 1 - p)) for p, y in rows]).mean()
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(loss, rel=1e-3)


def test_candidates_that_go_astray_lose() -> None:
    learner = LogisticRegression(solver="sgd", schedule="constant", l2=0.0, epochs=1)
    space = {"learning_rate": [3e38, 0.01]}
    search = LaneSearch(learner, space, folds=2).fit_design(coded_design(3_000), classes=[0, 1])
    assert search.best_params_ == {"learning_rate": 0.01}
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    with pytest.raises(DataError, match="all 1 candidates diverged"):
        LaneSearch(learner, {"learning_rate": [3e38]}, folds=2).fit_design(
            coded_design(3_000), classes=[0, 1]
        )


def test_defaults_and_distributions() -> None:
    x, y = classes_table(300)
    found = LaneSearch(LogisticRegression()).fit(x, y)
    assert len(found.cv_results_["params"]) == 16
    assert "split4_test_score" in found.cv_results_
    drawn = LaneSearch(LogisticRegression(), {"l2": LogUniform(1e-5, 1.0)}, n_candidates=6)
    assert len(drawn.fit(x, y).cv_results_["params"]) == 6
    copy = drawn.clone()
    assert copy.get_params().keys() == drawn.get_params().keys()
    with pytest.raises(NotFittedError):
        copy.predict(x)
    with pytest.raises(ConfigError, match="l2 is -1"):
        LaneSearch(LogisticRegression(), {"l2": [-1.0]}).fit(x, y)


def test_a_pipeline_searches(tmp_path: Path) -> None:
    x, y = classes_table(900, d=3)
    table = {f"x{j}": x[:, j] for j in range(3)} | {"y": np.array(["no", "yes"])[y]}
    search = LaneSearch(LogisticRegression(), {"l2": [1e-4, 1e-2, 10.0]}, folds=3)
    model = fastml.Pipeline(search, target="y").fit(pa.table(table))
    assert model.tried_.params[model.tried_.best] == {"l2": model.learner_.l2}
    assert model.learner_.l2 < 10.0
    assert "the best of 3 candidates on 3 folds, log_loss 0." in str(model.tried_)
    assert not hasattr(search, "best_estimator_")  # the one that was given stays as it is
    model.save(tmp_path / "model")
    again = fastml.load(tmp_path / "model")
    assert again.tried_ == model.tried_
    np.testing.assert_array_equal(again.predict(pa.table(table)), model.predict(pa.table(table)))


@pytest.mark.parametrize("learner", [LogisticRegression(), LinearRegression()], ids=repr)
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit:UserWarning")
def test_check_estimator(learner: Any) -> None:
    # Candidates that come to the same model: a row that counts twice is in one fold, a row that is
    # there twice may be in two, and the choice between models that differ would not be the same.
    search = LaneSearch(learner, {"l2": [1e-2], "learning_rate": [0.1, 0.2]}, folds=3)
    for result in check_estimator(search, on_skip=None):
        assert result["status"] in ("passed", "skipped"), result


def test_numbers_have_no_probabilities() -> None:
    assert hasattr(LaneSearch(LogisticRegression()), "predict_proba")
    assert not hasattr(LaneSearch(LinearRegression()), "predict_proba")


def test_more_lanes_are_judged_than_a_kernel_holds() -> None:
    x, y = classes_table(300, n_classes=7)
    space = {"l2": np.logspace(-6, 0, 32).tolist()}  # 32 x 5 folds x 7 classes
    found = LaneSearch(LogisticRegression(), space).fit(x, y)
    few = LaneSearch(LogisticRegression(), {"l2": space["l2"][:3]}).fit(x, y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"][:3], few.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_a_sample_is_of_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are sorted: some blocks alone would be of one class, or of one time."""
    for name in ("SAMPLE_ROWS", "FINAL_ROWS"):
        monkeypatch.setattr(f"fastml.model_selection.contest.{name}", 1_000)
    x, y = classes_table(4_000)
    order = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:200]])
    blocks = [
        DesignBlock(x[rows], np.empty((len(rows), 0), np.int32), y[rows].astype(np.float64))
        for rows in np.array_split(order, 8)
    ]
    search = racing(folds=2, scoring="roc_auc").fit_design(
        Design(blocks, x.shape[1], 0), classes=[0, 1]
    )
    assert search.best_params_["learning_rate"] == 0.1


def test_folds_without_weight_are_refused() -> None:
    x, y = classes_table(400)
    weight = np.zeros(400)
    weight[:30] = 1.0
    with pytest.raises(DataError, match="rows that were held out together has any weight"):
        LaneSearch(LogisticRegression(), {"l2": [1.0]}, folds=40).fit(x, y, weight)
    design, nothing = coded_design(100), coded_design(100)
    nothing.blocks = [block.rows(0, 0) for block in nothing.blocks]
    with pytest.raises(DataError, match="no validation rows to judge by"):
        LaneSearch(LogisticRegression()).fit_design(design, validation=nothing, classes=[0, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_candidates": 0}, "n_candidates is 0"),
        ({"n_candidates": -1}, "n_candidates is -1"),
        ({"folds": 2.5}, r"folds is 2\.5"),
        ({"learner": BoostedTrees()}, "lanes are of a LogisticRegression"),
        ({"learner": None}, "learner is None"),
    ],
)
def test_what_no_search_can_do_is_refused(settings: Any, message: str) -> None:
    x, y = classes_table(60)
    with pytest.raises(ConfigError, match=message):
        LaneSearch(**{"learner": LogisticRegression()} | settings).fit(x, y)


def test_folds_and_class_weights_are_as_many_as_groups_can_be() -> None:
    x, y = classes_table(2_400, d=2, n_classes=400)
    space = {"class_weight": [None, "balanced"]}
    with pytest.raises(ConfigError, match=r"200 folds x 38. classes .* use fewer folds"):
        LaneSearch(LogisticRegression(), space, folds=200).fit(x, y)


def test_a_class_that_a_fold_lacks_is_told() -> None:
    x, _ = classes_table(100)
    with pytest.raises(
        DataError, match="one of 5 models side by side has rows of class False alone"
    ):
        LaneSearch(LogisticRegression(), {"l2": [1.0]}).fit(x, np.arange(100) == 7)


def test_a_rare_class_of_a_sorted_table_is_compared_on_all_rows() -> None:
    """A sample would have none of its rows, and call every candidate perfect."""
    rng = np.random.default_rng(0)
    n, rare = 400_000, 400
    x = rng.normal(size=(n, 3))
    y = np.zeros(n)
    x[-rare:] += 1.5
    y[-rare:] = 1.0
    blocks = [
        DesignBlock(x[rows], np.empty((n // 4, 0), np.int32), y[rows])
        for rows in np.array_split(np.arange(n), 4)
    ]
    learner, space = LogisticRegression(), {"l2": [1e-6, 1e-3, 1.0]}
    search = LaneSearch(learner, space, folds=3).fit_design(Design(blocks, 3, 0), classes=[0, 1])
    assert np.isnan(search.cv_results_["epochs"]).all()  # to convergence
    assert 0.002 < search.best_score_ < 0.01
    assert search.best_params_["l2"] < 1.0
