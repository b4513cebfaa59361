"""Distances, constraints and violations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from fastml.errors import ConfigError, DataError
from fastml.monitoring.checks import drifts, violations
from fastml.monitoring.constraints import Checked, Constraints, suggest
from fastml.monitoring.distance import feature_distance, noise
from fastml.monitoring.features import Feature, Kind, Statistics
from fastml.monitoring.statistics import TableStatistics, kind_of

RNG = np.random.default_rng(11)


def statistics(kinds: dict[str, Kind] | None = None, **columns: Any) -> Statistics:
    batch = pa.RecordBatch.from_pydict(columns)
    state = TableStatistics(kinds or {f.name: kind_of(f.type) for f in batch.schema})
    state.update(batch)
    return state.finish()


def reread(found: Statistics) -> Statistics:
    """Return statistics as a later job reads them."""
    features = json.loads(json.dumps(found.to_dict()))["features"]
    return Statistics(found.rows, {f["name"]: Feature.from_dict(f) for f in features})


def found_in(now: Statistics, before: Statistics, **changed: Any) -> set[tuple[str, str]]:
    suggested = suggest(before).to_dict()
    suggested["monitoring_config"] |= changed
    constraints = Constraints.from_dict(suggested)
    told = violations(now, constraints, drifts(now, reread(before), constraints))
    return {(each.column, each.check) for each in told}


def test_a_distance_of_numbers_is_that_of_kolmogorov_and_smirnov() -> None:
    before, now = RNG.normal(size=3_000), RNG.normal(0.4, 1.3, 800)
    a, b = statistics(x=now).features["x"], reread(statistics(x=before)).features["x"]
    wanted = ks_2samp(now, before).statistic
    assert feature_distance(a, b) == pytest.approx(wanted, abs=1e-12)


def test_a_distance_of_many_numbers_is_near_it() -> None:
    before, now = RNG.normal(size=200_000), RNG.normal(0.2, 1.0, 100_000)
    a, b = statistics(x=now).features["x"], reread(statistics(x=before)).features["x"]
    assert feature_distance(a, b) == pytest.approx(ks_2samp(now, before).statistic, abs=0.01)


def test_a_distance_from_buckets_alone() -> None:
    document = statistics(x=np.arange(1_000.0)).to_dict()
    del document["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]
    before = Feature.from_dict(document["features"][0])
    same = feature_distance(statistics(x=np.arange(1_000.0)).features["x"], before)
    other = feature_distance(statistics(x=np.arange(500.0)).features["x"], before)
    assert same == pytest.approx(0.0, abs=0.002)
    assert other == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize("most", [1, 10, 100])
def test_buckets_hold_their_lower_bound(most: int) -> None:
    """Of whole numbers many lie on a bound: they are no drift from the buckets they are of."""
    counts = RNG.integers(0, most, 2_000, endpoint=True)
    now = statistics(x=counts).features["x"]
    document = now.to_dict()
    del document["numerical_statistics"]["distribution"]["kll"]["sketch"]
    before = Feature.from_dict(document)
    assert feature_distance(now, before) == 0.0
    lower, higher = (statistics(x=counts + by * 2 * most).features["x"] for by in (-1, 1))
    assert feature_distance(lower, before) == pytest.approx(1.0, abs=0.6)
    assert feature_distance(higher, before) == 1.0


def test_a_distance_of_texts_is_the_largest_difference_of_shares() -> None:
    now, before = statistics(s=["a", "a", "b", "c"]), statistics(s=["a", "b", "b", "b"])
    assert feature_distance(now.features["s"], before.features["s"]) == 0.5


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ([1.0], [None]),
        ([None], [1.0]),
        ([float("inf")], [1.0]),
        (["a"], [f"{i} x" for i in range(121)]),
        ([[1]], [[1]]),
    ],
)
def test_a_distance_that_is_not_known(now: list[Any], before: list[Any]) -> None:
    kinds: dict[str, Kind] = {"x": kind_of(pa.array(now or before).type)}
    a, b = (statistics(kinds, x=each).features["x"] for each in (now, before))
    assert feature_distance(a, b) is None


def test_noise_is_what_chance_hardly_exceeds() -> None:
    distances = [ks_2samp(RNG.normal(size=150), RNG.normal(size=400)).statistic for _ in range(400)]
    assert np.mean(np.array(distances) > noise(150, 400)) < 0.01


def test_samples_of_one_table_violate_nothing() -> None:
    def table(n: int) -> Statistics:
        gaps = RNG.random(n) < 0.2
        return statistics(
            x=RNG.lognormal(size=n),
            y=pa.array(RNG.normal(size=n), mask=gaps),
            s=RNG.choice(["a", "b", "c"], n, p=[0.5, 0.4, 0.1]),
        )

    before = table(2_000)
    assert [found_in(table(40), before) for _ in range(40)].count(set()) >= 38
    strict = {"distribution_constraints": {"comparison_method": "Simple"}}
    assert [found_in(table(40), before, **strict) for _ in range(40)].count(set()) < 10


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"n": [1, 2, 3, 4]}, ("s", "missing_column_check")),
        ({"z": [1, 2, 3, 4]}, ("z", "extra_column_check")),
        ({"n": [1.5, 2.0, 3.0, 4.0]}, ("n", "data_type_check")),
        ({"n": [-1, 2, 3, 4]}, ("n", "data_type_check")),
        ({"n": [1, None, 3, 4]}, ("n", "completeness_check")),
        ({"n": ["1", "2", "three", "4"]}, ("n", "data_type_check")),
        ({"s": ["a", "b", "a", "new"]}, ("s", "categorical_values_check")),
        ({"n": [90, 91, 92, 93] * 25}, ("n", "baseline_drift_check")),
        ({"s": ["b"] * 100}, ("s", "baseline_drift_check")),
    ],
)
def test_what_is_not_as_it_is_to_be(columns: dict[str, Any], wanted: tuple[str, str]) -> None:
    before = statistics(n=list(range(100)), s=["a", "b"] * 50)
    now = statistics({"n": "Integral", "s": "String"}, **columns)
    assert wanted in found_in(now, before)
    assert found_in(now, before, evaluate_constraints="Disabled") == set()


def test_thresholds() -> None:
    before = statistics(n=list(range(100)), s=["a", "b"] * 50)
    n: list[Any] = ["x", *range(1, 100)]
    now = statistics(
        {"n": "Integral", "s": "String"}, n=list(map(str, n)), s=["c"] + ["a", "b"] * 49 + ["a"]
    )
    assert found_in(now, before) == {("n", "data_type_check"), ("s", "categorical_values_check")}
    assert (
        found_in(now, before, datatype_check_threshold=0.99, domain_content_threshold=0.9) == set()
    )


def test_what_aws_describes_is_read(tmp_path: Path) -> None:
    stated = {
        "version": 0,
        "features": [
            {
                "name": "age",
                "inferred_type": "Integral",
                "completeness": 0.9,
                "num_constraints": {"is_non_negative": True},
                "monitoringConfigOverrides": {"evaluate_constraints": "Disabled"},
            },
            {
                "name": "plan",
                "inferred_type": "String",
                "completeness": 1.0,
                "string_constraints": {"domains": ["gold"]},
            },
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Disabled",
            "datatype_check_threshold": 0.1,
            "domain_content_threshold": 0.2,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": 0.3,
                "comparison_method": "linf_simple",
            },
        },
    }
    (tmp_path / "constraints.json").write_text(json.dumps(stated))
    found = Constraints.read(tmp_path / "constraints.json")
    assert found.checked == Checked(
        emit=False, types=0.1, domains=0.2, distance=0.3, text_distance=0.3, robust=False
    )
    age, plan = found.columns.values()
    assert (age.checked.evaluate, plan.checked.evaluate) == (False, True)
    assert plan.domain == {"gold"}


def test_constraints_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = suggest(statistics(n=[1, None], s=["a", "b"], x=[0.5, -1.0], d=[[1], [2]]))
    file = tmp_path / "constraints.json"
    file.write_text(json.dumps(made.to_dict()))
    assert Constraints.read(file) == made


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"datatype_check_threshold": 2}, "datatype_check_threshold is 2; expected a number"),
        ({"evaluate_constraints": "yes"}, "expected one of Enabled, Disabled"),
        ({"distribution_constraints": {"comparison_method": "KL"}}, "expected one of Robust"),
        (
            {"distribution_constraints": {"categorical_drift_method": "ChiSquared"}},
            "expected LInfinity",
        ),
    ],
)
def test_what_is_not_computed_is_refused(
    config: dict[str, Any], words: str, tmp_path: Path
) -> None:
    file = tmp_path / "constraints.json"
    file.write_text(json.dumps({"features": [], "monitoring_config": config}))
    with pytest.raises(ConfigError, match=words):
        Constraints.read(file)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"features": 1}', '{"features": [{"name": "a"}]}', "{"]
)
def test_what_is_no_baseline(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text(text)
    for read in (Constraints.read, Statistics.read):
        with pytest.raises(DataError, match=r"file\.json"):
            read(tmp_path / "file.json")
