"""What of a table is not as it is to be: the six checks of Model Monitor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fastml.monitoring.constraints import Constraint, Constraints
from fastml.monitoring.distance import feature_distance, noise
from fastml.monitoring.features import Feature, Statistics

__all__ = ["Check", "Violation", "drifts", "violations"]

Check: TypeAlias = Literal[
    "data_type_check",
    "completeness_check",
    "baseline_drift_check",
    "missing_column_check",
    "extra_column_check",
    "categorical_values_check",
]
_SIGMAS = 3.0
"""Standard errors that a share may lie below the baseline's by chance."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that is not as it is to be.

    Parameters
    ----------
    column : str
    check : Check
    description : str
    """

    column: str
    check: Check
    description: str

    def to_dict(self) -> dict[str, str]:
        """Return the violation as `constraint_violations.json` has it."""
        return {
            "feature_name": self.column,
            "constraint_check_type": self.check,
            "description": self.description,
        }


def drifts(now: Statistics, before: Statistics, constraints: Constraints) -> dict[str, float]:
    """Return how far each column is from what it was, where that is asked for and known.

    Where the comparison is robust, what samples of their sizes differ by chance is taken off.
    """
    found = {}
    for name, constraint in constraints.columns.items():
        feature, baseline = now.features.get(name), before.features.get(name)
        if feature is None or baseline is None or not constraint.checked.compare:
            continue
        distance = feature_distance(feature, baseline)
        if distance is None:
            continue
        if constraint.checked.robust:
            distance = max(0.0, distance - noise(feature.present, baseline.present))
        found[name] = distance
    return found


def violations(
    now: Statistics, constraints: Constraints, drifted: Mapping[str, float]
) -> list[Violation]:
    """Return what of a table is not as it is to be; of no rows nothing is known.

    Parameters
    ----------
    now : Statistics
    constraints : Constraints
    drifted : mapping of str to float
        What `drifts` found.
    """
    if not now.rows:
        return []
    found: list[Violation] = []
    for name, constraint in constraints.columns.items():
        if not constraint.checked.evaluate:
            continue
        feature = now.features.get(name)
        if feature is None:
            found.append(Violation(name, "missing_column_check", "no row has this column"))
            continue
        found += _of_values(feature, constraint)
        found += _of_drift(feature, constraint, drifted)
    if constraints.checked.evaluate:
        extra = (name for name in now.features if name not in constraints.columns)
        text = "the baseline does not have this column"
        found += [Violation(name, "extra_column_check", text) for name in extra]
    return found


def _of_values(feature: Feature, constraint: Constraint) -> Iterator[Violation]:
    name, checked = feature.name, constraint.checked
    if feature.completeness < _lowest(constraint, feature.present + feature.missing):
        yield Violation(
            name,
            "completeness_check",
            f"{_percent(feature.completeness)} of the rows have a value; "
            f"expected {_percent(constraint.completeness)}",
        )
    if not feature.present:
        return
    fits = _fitting(feature, constraint)
    if fits / feature.present < checked.types:
        yield Violation(
            name,
            "data_type_check",
            f"{_percent(fits / feature.present)} of the values are {constraint.kind}; "
            f"expected {_percent(checked.types)}",
        )
    if constraint.non_negative and feature.numbers is not None and feature.numbers.min < 0.0:
        yield Violation(
            name,
            "data_type_check",
            f"the least value is {feature.numbers.min:g}; expected none below 0",
        )
    if constraint.domain is not None and feature.texts is not None:
        known = sum(feature.texts.get(text, 0) for text in constraint.domain)
        if known / feature.present < checked.domains:
            yield Violation(
                name,
                "categorical_values_check",
                f"{_percent(known / feature.present)} of the values are known; "
                f"expected {_percent(checked.domains)}",
            )


def _of_drift(
    feature: Feature, constraint: Constraint, drifted: Mapping[str, float]
) -> Iterator[Violation]:
    checked = constraint.checked
    most = checked.text_distance if feature.kind == "String" else checked.distance
    distance = drifted.get(feature.name, 0.0)
    if distance > most:  # other tools look for these words
        yield Violation(
            feature.name,
            "baseline_drift_check",
            f"Baseline drift distance: {distance:.6g} exceeds threshold: {most:g}",
        )


def _lowest(constraint: Constraint, rows: int) -> float:
    """Return the completeness below which it is not chance that so many rows have less."""
    share = constraint.completeness
    margin = _SIGMAS * math.sqrt(share * (1.0 - share) / rows) if constraint.checked.robust else 0.0
    return share - margin


def _fitting(feature: Feature, constraint: Constraint) -> int:
    if constraint.kind == "Integral":
        return feature.whole
    return feature.present if constraint.kind == "Unknown" else feature.present - feature.others


def _percent(share: float) -> str:
    """Return a share as per cent, and never a part of all as all."""
    text = f"{100.0 * share:.6g}"
    return f"{text}%" if share == 1.0 or text != "100" else "almost 100%"
