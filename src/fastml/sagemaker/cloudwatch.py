"""Metrics for CloudWatch, as a processing job leaves them: a line of JSON each."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastml.monitoring.features import Feature

__all__ = ["cloudwatch_lines"]

_MOST = 2.0**360
"""Of CloudWatch: no metric is beyond it."""


def cloudwatch_lines(
    features: Iterable[Feature],
    drifted: Mapping[str, float],
    *,
    at: datetime.datetime,
    dimensions: Mapping[str, str],
) -> Iterator[str]:
    """Yield the metrics of each column, by the names that Model Monitor gives them.

    `feature_data_NAME` of numbers, `feature_non_null_NAME`, the share of the rows with a value, and
    `feature_baseline_drift_NAME`, where it is known.

    Parameters
    ----------
    features : iterable of Feature
    drifted : mapping of str to float
    at : datetime
    dimensions : mapping of str to str
        Those that are empty are left out.
    """
    head = {
        "Timestamp": at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items() if v],
    }
    for feature in features:
        for name, value in _of_feature(feature, drifted):
            metric = re.sub("[^ -~]", "_", f"{name}_{feature.name}")[:255]
            yield json.dumps({"MetricName": metric, **head, **value})


def _of_feature(
    feature: Feature, drifted: Mapping[str, float]
) -> Iterator[tuple[str, dict[str, Any]]]:
    numbers = feature.numbers
    if numbers is not None and len(numbers.values):
        found = {
            "SampleCount": float(numbers.weights.sum()),
            "Sum": numbers.total,
            "Minimum": numbers.min,
            "Maximum": numbers.max,
        }
        if all(math.isfinite(each) and abs(each) <= _MOST for each in found.values()):
            yield "feature_data", {"StatisticValues": found}
    if feature.present + feature.missing:
        yield "feature_non_null", {"Value": feature.completeness}
    if feature.name in drifted:
        yield "feature_baseline_drift", {"Value": drifted[feature.name]}
