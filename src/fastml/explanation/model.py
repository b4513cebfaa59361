"""What a model learned, and what each column of a row adds to its score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fastml.calibration import Calibrator
from fastml.ensemble import BoostedTrees
from fastml.evaluation.numbers import amount, how_many, signed
from fastml.explanation.linear import linear_contributions, linear_features
from fastml.explanation.trees import tree_contributions, tree_features
from fastml.pipeline.target import Target
from fastml.preprocessing.encode_plan import EncodePlan

__all__ = [
    "Contribution",
    "Explanation",
    "by_class",
    "explain_model",
    "explain_rows",
    "interval_words",
]

_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one column of a row adds to its margin, against the average training row."""

    column: str
    value: Any
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A model in words and numbers: `features` by weight, `dropped` with reasons.

    A feature's `weight` is the spread that it gives to the margin over the training rows (the
    standard deviation of its contribution), so that numbers and categories compare. A number has
    its `coefficient` a raw unit (a date also `per_day`), a category the `coefficients` of its
    values; of a multiclass model these are lists, one entry a class; trees have none. After a
    bootstrap an `interval` (95 %) goes with each, or `intervals` by value. Margins are
    explained as the learner gives them; `calibration` says what their probabilities go through
    afterwards.
    """

    task: str
    target: str
    classes: list[Any]
    intercept: list[float]
    features: list[dict[str, Any]]
    dropped: list[dict[str, str]]
    calibration: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON holds it."""
        return {
            "task": self.task,
            "target": self.target,
            "classes": self.classes,
            "intercept": self.intercept,
            "features": self.features,
            "dropped": self.dropped,
            "calibration": self.calibration,
        }

    def __str__(self) -> str:
        lines = [f"{self.task} model of {self.target!r}"]
        if self.task == "binary":
            lines[0] += f" (probability of {self.classes[-1]!r})"
        first = ", the most telling first" if len(self.features) > 1 else ""
        lines.append(f"{how_many(len(self.features), 'column')}{first}:")
        width = max((len(f["name"]) for f in self.features), default=0)
        lines += [
            f"  {f['name']:<{width}}  {amount(f['weight']):>8}  {words}".rstrip()
            for f in self.features
            for words in [_in_words(f, self.classes)]
        ]
        if self.calibration is not None:
            lines.append(f"probabilities are calibrated: {self.calibration}")
        if self.dropped:
            were = "was" if len(self.dropped) == 1 else "were"
            lines.append(f"{how_many(len(self.dropped), 'column')} {were} left out:")
            lines += [f"  {each['column']}: {each['reason']}" for each in self.dropped]
        return "\n".join(lines)


def by_class(classes: Sequence[object], coefficients: Sequence[float]) -> str:
    """Name the classes beside their coefficients, the largest first."""
    pairs = sorted(zip(classes, coefficients, strict=True), key=lambda pair: -abs(pair[1]))
    said = ", ".join(f"{name} {signed(value, 3)}" for name, value in pairs[:_MOST_SHOWN])
    rest = len(pairs) - _MOST_SHOWN
    return f"{said}, and {rest:,} classes more" if rest > 0 else said


def interval_words(interval: Sequence[Any] | None) -> str:
    """Say between what a coefficient lies; nothing where that is not known, or of each class."""
    if interval is None or isinstance(interval[0], list):
        return ""
    return f" ({signed(interval[0])} to {signed(interval[1])})"


def _in_words(feature: Mapping[str, Any], classes: Sequence[object]) -> str:
    if "coefficient" in feature:
        if isinstance(feature["coefficient"], list):
            daily = feature["kind"] == "datetime"
            told = by_class(classes, feature["per_day" if daily else "coefficient"])
            return f"{told} a {'day' if daily else 'unit'}"
        if feature["kind"] == "datetime":
            return f"{signed(feature['per_day'], 6)} a day"
        sure = interval_words(feature.get("interval"))
        return f"{signed(feature['coefficient'], 6)} a unit{sure}"
    values = feature.get("coefficients")
    if values is None:  # of trees
        return ""
    if not values:
        return "no values"
    if isinstance(next(iter(values.values())), list):
        return _values_by_class(values, classes)
    most, least = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    return (
        f"{how_many(len(values), 'value')}, from {least!r} {signed(values[least])} "
        f"to {most!r} {signed(values[most])}"
    )


def _values_by_class(values: Mapping[str, Sequence[float]], classes: Sequence[object]) -> str:
    """Say which values tell most, and of which classes."""
    ranked = sorted(values, key=lambda value: -max(map(abs, values[value])))
    told = "; ".join(f"{value!r}: {by_class(classes, values[value])}" for value in ranked[:2])
    return f"{how_many(len(values), 'value')}, the most telling {told}"


def explain_model(
    plan: EncodePlan,
    learner: Any,
    target: Target,
    dropped: Mapping[str, str],
    calibrator: Calibrator | None = None,
) -> Explanation:
    """Describe a fitted model.

    Coefficients stand in raw units of the columns, those of a category against the average
    training row; with the intercept they sum to the margin of a row that lacks nothing.
    """
    if isinstance(learner, BoostedTrees):
        features, intercept = tree_features(plan, learner), []
    else:
        features, own = linear_features(plan, learner)
        intercept = own.tolist()
    features.sort(key=lambda each: -each["weight"])
    return Explanation(
        task=target.task,
        target=target.column,
        classes=list(target.classes),
        intercept=intercept,
        features=features,
        dropped=[{"column": name, "reason": reason} for name, reason in dropped.items()],
        calibration=None if calibrator is None else str(calibrator),
    )


def explain_rows(
    plan: EncodePlan, learner: Any, batch: pa.RecordBatch, lane: int = 0
) -> list[list[Contribution]]:
    """Return the contributions of each column to each row's margin, the largest first.

    Parameters
    ----------
    plan, learner : as fitted
    batch : pyarrow.RecordBatch of n rows
    lane : int
        Which class, of a multiclass model.
    """
    contributions = (
        tree_contributions if isinstance(learner, BoostedTrees) else linear_contributions
    )
    added = contributions(plan, learner, batch, lane)
    values = {name: batch.column(name).to_pylist() for name in plan.schema.names}
    for cross in plan.crosses:
        together = zip(*(values[part.column] for part in cross.parts), strict=True)
        values[cross.column] = [list(each) for each in together]
    return [
        sorted(
            (Contribution(name, values[name][i], float(parts[i])) for name, parts in added.items()),
            key=lambda each: -abs(each.contribution),
        )
        for i in range(batch.num_rows)
    ]
