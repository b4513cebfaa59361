"""The files of Model Monitor as AWS describes them, told apart from what writes them."""

from __future__ import annotations

from typing import Any

NUMBER = (int, float)
CHECKS = {
    "data_type_check",
    "completeness_check",
    "baseline_drift_check",
    "missing_column_check",
    "extra_column_check",
    "categorical_values_check",
}
COMMON = {"num_present": int, "num_missing": int}
BUCKET = {"lower_bound": NUMBER, "upper_bound": NUMBER, "count": NUMBER}
KLL = {
    "buckets": [BUCKET],
    "sketch": {"parameters": {"c": NUMBER, "k": NUMBER}, "data": [[NUMBER]]},
}
MAYBE = (int, float, type(None))  # of no values, or beyond what a float holds
NUMERICAL = {
    "common": COMMON,
    "mean": MAYBE,
    "sum": MAYBE,
    "std_dev": MAYBE,
    "min": MAYBE,
    "max": MAYBE,
    "distribution": {"kll": KLL},
}
STRING = {
    "common": COMMON,
    "distinct_count": NUMBER,
    "distribution": {"categorical": {"buckets": [{"value": str, "count": int}]}},
}
SWITCH = {"Enabled", "Disabled"}
MONITORING = {
    "evaluate_constraints": SWITCH,
    "emit_metrics": SWITCH,
    "datatype_check_threshold": NUMBER,
    "domain_content_threshold": NUMBER,
    "distribution_constraints": {
        "perform_comparison": SWITCH,
        "comparison_threshold": NUMBER,
        "comparison_method": {"Simple", "Robust"},
        "categorical_comparison_threshold": NUMBER,
        "categorical_drift_method": {"LInfinity", "ChiSquared"},
    },
}


def fits(found: Any, wanted: Any, at: str = "") -> None:
    """Assert that a document is as it is described: keys, types and values."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), at
        assert set(found) == set(wanted), at
        for key, each in wanted.items():
            fits(found[key], each, f"{at}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), at
        for i, each in enumerate(found):
            fits(each, wanted[0], f"{at}[{i}]")
    elif isinstance(wanted, set):
        assert found in wanted, at
    else:
        assert isinstance(found, wanted), at
        assert not isinstance(found, bool) or wanted is bool, at


def fits_statistics(document: dict[str, Any]) -> None:
    fits(
        {k: document[k] for k in ("version", "dataset")},
        {"version": NUMBER, "dataset": {"item_count": int}},
    )
    for feature in document["features"]:
        numeric = feature["inferred_type"] in ("Integral", "Fractional")
        part = {"numerical_statistics": NUMERICAL} if numeric else {"string_statistics": STRING}
        kinds = {"Integral", "Fractional", "String", "Unknown"}
        fits(feature, {"name": str, "inferred_type": kinds, **part}, feature["name"])


def fits_constraints(document: dict[str, Any]) -> None:
    fits(document["monitoring_config"], MONITORING)
    assert document["version"] == 0
    for feature in document["features"]:
        wanted: dict[str, Any] = {
            "name": str,
            "inferred_type": {"Integral", "Fractional", "String", "Unknown"},
            "completeness": NUMBER,
            "monitoringConfigOverrides": dict,
        }
        if "num_constraints" in feature:
            wanted["num_constraints"] = {"is_non_negative": bool}
        if "string_constraints" in feature:
            wanted["string_constraints"] = {"domains": [str]}
        fits(feature, wanted, feature["name"])


def fits_violations(document: dict[str, Any]) -> None:
    violation = {"feature_name": str, "constraint_check_type": CHECKS, "description": str}
    fits(document, {"violations": [violation]})


def fits_metric(document: dict[str, Any]) -> None:
    head = {"MetricName": str, "Timestamp": str, "Dimensions": [{"Name": str, "Value": str}]}
    values = {"SampleCount": NUMBER, "Sum": NUMBER, "Minimum": NUMBER, "Maximum": NUMBER}
    one = {"Value": NUMBER} if "Value" in document else {"StatisticValues": values}
    fits(document, {**head, **one})
