"""`Constraints`: what a table is to be like, as SageMaker's `constraints.json` has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, get_args

from fastml.errors import ConfigError, DataError
from fastml.monitoring.features import FEW, Feature, Kind, Statistics, read_json

__all__ = ["Checked", "Constraint", "Constraints", "suggest"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What is checked, and how strictly: `monitoring_config` of the schema.

    Parameters
    ----------
    evaluate, emit, compare : bool
        Whether constraints are checked, metrics are told, and distributions are compared.
    types, domains : float
        The share of the values that are to be of the column's type, and to be known texts.
    distance, text_distance : float
        The distance from the baseline's distribution beyond which a column has drifted.
    robust : bool
        Whether what a sample of that size differs by chance is allowed for.
    """

    evaluate: bool = True
    emit: bool = True
    types: float = 1.0
    domains: float = 1.0
    compare: bool = True
    distance: float = 0.1
    text_distance: float = 0.1
    robust: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return this as the schema has it."""
        return {
            "evaluate_constraints": _SAID[self.evaluate],
            "emit_metrics": _SAID[self.emit],
            "datatype_check_threshold": self.types,
            "domain_content_threshold": self.domains,
            "distribution_constraints": {
                "perform_comparison": _SAID[self.compare],
                "comparison_threshold": self.distance,
                "comparison_method": "Robust" if self.robust else "Simple",
                "categorical_comparison_threshold": self.text_distance,
                "categorical_drift_method": "LInfinity",
            },
        }

    def changed(self, stated: Mapping[str, Any]) -> Checked:
        """Return this with what is stated in the schema; what is not stated stays.

        Raises
        ------
        ConfigError
            If a value is not one that the schema has, or asks for what is not computed.
        """
        distances = stated.get("distribution_constraints") or {}
        every = {**distances, **stated}
        if every.get("categorical_drift_method", "LInfinity") != "LInfinity":
            raise ConfigError(
                f"categorical_drift_method is {every['categorical_drift_method']!r}; "
                "expected LInfinity, the one that is computed"
            )
        found: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        if "comparison_threshold" in every:
            found["text_distance"] = _share(every, "comparison_threshold")
        for name, key in _SHARES.items():
            if key in every:
                found[name] = _share(every, key)
        for name, key in _SWITCHES.items():
            if key in every:
                found[name] = _one_of(every, key, {"Enabled": True, "Disabled": False})
        for key in ("comparison_method", "comparion_method"):  # AWS' own page has the second
            if key in every:
                found["robust"] = _one_of(every, key, _METHODS)
        return Checked(**found)


_SAID = {True: "Enabled", False: "Disabled"}
_METHODS = {"Robust": True, "linf_robust": True, "Simple": False, "linf_simple": False}
_SWITCHES = {
    "evaluate": "evaluate_constraints",
    "emit": "emit_metrics",
    "compare": "perform_comparison",
}
_SHARES = {
    "types": "datatype_check_threshold",
    "domains": "domain_content_threshold",
    "distance": "comparison_threshold",
    "text_distance": "categorical_comparison_threshold",
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a column is to be like.

    Parameters
    ----------
    name : str
    kind : {"Integral", "Fractional", "String", "Unknown"}
    completeness : float
        The share of its rows that are to have a value.
    non_negative : bool
    domain : frozenset of str, optional
        The texts that are known.
    checked : Checked
        Of the table, with what is stated for this column.
    overrides : mapping
        What is stated for this column.
    """

    name: str
    kind: Kind
    completeness: float
    non_negative: bool
    domain: frozenset[str] | None
    checked: Checked
    overrides: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the constraint as the schema has it."""
        found: dict[str, Any] = {"name": self.name, "inferred_type": self.kind}
        found["completeness"] = self.completeness
        if self.kind in ("Integral", "Fractional"):
            found["num_constraints"] = {"is_non_negative": self.non_negative}
        if self.domain is not None:
            found["string_constraints"] = {"domains": sorted(self.domain)}
        return {**found, "monitoringConfigOverrides": dict(self.overrides)}

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any], checked: Checked) -> Self:
        """Read a constraint of the schema."""
        kind = stated["inferred_type"]
        if kind not in get_args(Kind):
            raise ValueError(f"the type {kind!r}")
        domain = (stated.get("string_constraints") or {}).get("domains")
        overrides = stated.get("monitoringConfigOverrides") or {}
        return cls(
            str(stated["name"]),
            kind,
            _share(stated, "completeness") if "completeness" in stated else 0.0,
            bool((stated.get("num_constraints") or {}).get("is_non_negative", False)),
            None if domain is None else frozenset(map(str, domain)),
            checked.changed(overrides),
            overrides,
        )


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a table is to be like.

    Parameters
    ----------
    columns : mapping of str to Constraint
        In the table's order.
    checked : Checked
    """

    columns: Mapping[str, Constraint]
    checked: Checked

    def to_dict(self) -> dict[str, Any]:
        """Return the constraints as the schema has them."""
        return {
            "version": 0.0,
            "features": [constraint.to_dict() for constraint in self.columns.values()],
            "monitoring_config": self.checked.to_dict(),
        }

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> Self:
        """Read the constraints of the schema."""
        checked = Checked().changed(stated.get("monitoring_config") or {})
        found = [Constraint.from_dict(each, checked) for each in stated["features"]]
        return cls({each.name: each for each in found}, checked)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of constraints.

        Raises
        ------
        DataError
            If it cannot be read, or is of another schema.
        ConfigError
            If it asks for what is not computed.
        """
        stated = read_json(file)
        try:
            return cls.from_dict(stated)
        except ConfigError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{file} has not the schema of Model Monitor's constraints ({error!r}); "
                "expected what a baseline job writes as constraints.json"
            ) from error


def suggest(statistics: Statistics) -> Constraints:
    """Return what a table is to be like by one that was as it is to be."""
    checked = Checked()
    return Constraints({each.name: _suggested(each, checked) for each in statistics}, checked)


def _suggested(feature: Feature, checked: Checked) -> Constraint:
    completeness = 0.0 if math.isnan(feature.completeness) else feature.completeness
    numbers, texts = feature.numbers, feature.texts
    few = texts is not None and 0 < len(texts) <= FEW
    return Constraint(
        feature.name,
        feature.kind,
        completeness,
        numbers is not None and numbers.min >= 0.0,
        frozenset(texts) if few and texts is not None else None,
        checked,
        {},
    )


def _share(stated: Mapping[str, Any], key: str) -> float:
    value = stated[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise ConfigError(f"{key} is {value!r}; expected a number from 0 to 1")
    return float(value)


def _one_of(stated: Mapping[str, Any], key: str, known: Mapping[str, bool]) -> bool:
    value = stated[key]
    if value not in known:
        raise ConfigError(f"{key} is {value!r}; expected one of {', '.join(known)}")
    return known[value]
