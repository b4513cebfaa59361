"""`fit_calibrator`: from rows with their truth to a map between probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastml._typing import Float64, Task
from fastml.calibration.isotonic import Isotonic, fit_isotonic
from fastml.calibration.platt import Platt, fit_platt
from fastml.calibration.temperature import Temperature, fit_temperature
from fastml.errors import ConfigError, DataError
from fastml.evaluation.checks import checked
from fastml.evaluation.numbers import how_many

__all__ = ["Calibrator", "Method", "fit_calibrator"]

Method: TypeAlias = Literal["platt", "isotonic", "temperature"]
Curve: TypeAlias = Platt | Isotonic | Temperature


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Maps the probabilities that a model gives to calibrated ones.

    Attributes
    ----------
    method : {"platt", "isotonic", "temperature"}
    curves : tuple
        One for two classes and for a temperature; else one a class, that class against the rest,
        after which each row is divided by its sum.
    rows : int
        How many rows it was learned from.
    """

    method: Method
    curves: tuple[Curve, ...]
    rows: int

    def __call__(self, scores: Float64) -> Float64:
        """Calibrate probabilities.

        Parameters
        ----------
        scores : (n,) or (n, k) float64
            Of the positive class, or of each class.

        Returns
        -------
        float64 array of the shape of `scores`
            Between 0 and 1; of several classes rows that sum to 1.
        """
        if len(self.curves) == 1:
            return self.curves[0](scores)
        found = np.column_stack(
            [curve(column) for curve, column in zip(self.curves, scores.T, strict=True)]
        )
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def __str__(self) -> str:
        told = f" ({self.curves[0]})" if len(self.curves) == 1 else ", each class against the rest"
        return f"{self.method}{told}, learned from {how_many(self.rows, 'row')}"

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        curves = [curve.state() for curve in self.curves]
        return {"method": self.method, "rows": self.rows, "curves": curves}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], classes: int) -> Self:
        """Restore what `state` returned, for a model of so many classes.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not that.
        """
        method, states = state["method"], state["curves"]
        if len(states) != (1 if classes == 2 or method == "temperature" else classes):
            raise ValueError(f"{len(states)} curves of {method!r} for {classes} classes")
        curves = tuple(_CURVES[method].from_state(each) for each in states)
        return cls(method, curves, int(state["rows"]))


_CURVES: dict[Method, type[Curve]] = {
    "platt": Platt,
    "isotonic": Isotonic,
    "temperature": Temperature,
}


def fit_calibrator(
    method: Method,
    y_true: ArrayLike,
    scores: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    classes: Sequence[object] | None = None,
) -> Calibrator:
    """Learn how a model's probabilities have to change to come true as often as they say.

    Learn it from rows that the model was not trained on. Measured on those very rows the outcome
    is flattered; other rows tell what it is worth.

    Parameters
    ----------
    method : {"platt", "isotonic", "temperature"}
        "platt": log-odds moved and stretched, two numbers a class; for any number of rows.
        "isotonic": whatever rising curve the rows show; for over a thousand rows or so.
        "temperature": log-odds stretched, one number for all classes; keeps the likeliest class.
        None of them turns the order of two rows of a binary model around.
    y_true : (n,) array
        1 for the positive class, else 0; of several classes codes in [0, k).
    scores : (n,) or (n, k) array
        Probabilities of the positive class, or of each class.
    sample_weight : (n,) array, optional
        How much each row counts; the unit does not matter.
    classes : sequence, optional
        The names of the classes in the order of their codes, for messages.

    Raises
    ------
    ConfigError
        If the method is unknown.
    DataError
        If there are no rows, the shapes disagree, a value is out of its range, or of a class that
        is to be calibrated there is no row.
    """
    if method not in get_args(Method):
        known = " or ".join(map(repr, get_args(Method)))
        raise ConfigError(f"unknown calibration {method!r}; expected {known}")
    task: Task = "multiclass" if np.ndim(scores) == 2 else "binary"
    given = checked(task, y_true, scores, sample_weight)
    truth, probability = given.truth, given.scores
    weight = np.ones(given.rows) if given.weight is None else given.weight / given.weight.max()
    counted = weight > 0.0
    truth, probability, weight = truth[counted], probability[counted], weight[counted]
    names = list(range(given.classes)) if classes is None else list(classes)
    _check_classes(method, np.bincount(truth, minlength=given.classes), names)
    curves: tuple[Curve, ...]
    if method == "temperature":
        curves = (fit_temperature(truth, probability, weight),)
    else:
        fit = fit_platt if method == "platt" else fit_isotonic
        sides = [(1, probability)] if task == "binary" else enumerate(probability.T)
        curves = tuple(fit(truth == code, of_class, weight) for code, of_class in sides)
    return Calibrator(method, curves, len(truth))


def _check_classes(method: Method, counts: NDArray[np.intp], names: Sequence[object]) -> None:
    """Raise a DataError where a class has no row to learn from."""
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if len(names) - len(absent) < 2:
        only = next(name for name in names if name not in absent)
        raise DataError(
            f"the {counts.sum():,} rows to calibrate on are all of the class {only!r}; "
            "give more rows, of every class"
        )
    if absent and method != "temperature":
        raise DataError(
            f"there is no row of the class {absent[0]!r} to calibrate on; give more rows, or "
            "calibrate all classes alike: 'temperature'"
        )
