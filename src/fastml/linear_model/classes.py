"""The classes of a target: their labels, their weights, and what they may not be."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._base import check_finite
from fastml._native.linear import MOST_LANES
from fastml._typing import Float64
from fastml.errors import ConfigError, DataError, did_you_mean
from fastml.linear_model.design import Design
from fastml.linear_model.settings import is_number

__all__ = ["check_classes", "class_factors", "class_totals", "find_classes"]


def find_classes(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the sorted classes and each row's index among them."""
    if labels.dtype.kind == "f":
        check_finite(labels, "y")
        if (labels != np.floor(labels)).any():
            raise DataError(
                "Unknown label type: y is continuous, and a classifier needs classes; use "
                "LinearRegression, or cut y into classes"
            )
    if labels.dtype.kind == "O":
        _check_present(labels)
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise DataError(
            f"Unknown label type: y mixes types that cannot be compared ({error}); "
            "fill missing labels and use labels of one type"
        ) from error
    return classes, codes


def _check_present(labels: NDArray[Any]) -> None:
    """Raise a DataError if an object is None, NaN or pandas' NA, which would be a class each."""
    missing = np.array([_is_missing(label) for label in labels.tolist()], np.bool_)
    if missing.any():
        row = int(np.argmax(missing))
        raise DataError(
            f"Input y contains NaN: {int(missing.sum())} labels are missing, the first "
            f"({labels[row]!r}) at row {row}; drop those rows, or give them a label of their own"
        )


def _is_missing(label: Any) -> bool:
    not_available = getattr(sys.modules.get("pandas"), "NA", None)
    return label is None or label is not_available or bool(label != label)


def class_totals(design: Design, n_classes: int | None) -> Float64:
    """Return each class's total row weight, (n_classes,).

    Parameters
    ----------
    design : Design
    n_classes : int, optional
        Default: as many as the targets show.

    Raises
    ------
    DataError
        If a target is not the index of a class, or there are too many classes.
    """
    if n_classes is not None and n_classes > MOST_LANES:
        raise DataError(
            f"y has {n_classes:,} classes; at most {MOST_LANES:,} can be learned: use "
            "LinearRegression if they are numbers, or group the rare ones"
        )
    totals: Float64 = np.zeros(n_classes or 0)
    for block in design.blocks:
        if block.target is None:
            raise DataError("the design has no target")
        if block.n_rows == 0:
            continue
        target = block.target
        check_finite(target, "y")
        most = MOST_LANES if n_classes is None else n_classes
        if target.min() < 0 or target.max() >= most or (target != np.floor(target)).any():
            raise DataError(
                f"the design's targets must be indices of classes in [0, {most}); "
                f"found {target.min():g} to {target.max():g}"
            )
        rows = np.bincount(target.astype(np.intp), block.weight, minlength=len(totals))
        totals = np.pad(totals, (0, len(rows) - len(totals))) + rows
    return totals


def check_classes(
    totals: Float64,
    labels: NDArray[Any],
    remedy: str = "look for a filter or a split that removed the others",
) -> None:
    """Raise a DataError unless two classes have some of the `class_totals` in every model."""
    for of_model in totals:
        filled = np.flatnonzero(of_model > 0.0)
        if len(filled) > 1:
            continue
        only = f"class {labels.tolist()[filled[0]]!r}" if len(filled) else "no class"
        if len(totals) > 1 and np.count_nonzero(totals.sum(axis=0)) > 1:
            raise DataError(
                f"one of {len(totals):,} models side by side has rows of {only} alone: those of "
                "the others are all in the fold that it leaves out, or not in its draw of a "
                "bootstrap; give more rows of the rare class, or do without folds and bootstrap"
            )
        raise DataError(
            f"y has only one class with any weight ({only}); a classifier needs at least two "
            f"classes: {remedy}"
        )


def class_factors(given: Sequence[Any], labels: NDArray[Any], totals: Float64) -> Float64 | None:
    """Return the factors of the classes' row weights for each model.

    Parameters
    ----------
    given : sequence of (None, "balanced" or a mapping of labels to factors)
        One for each model.
    labels : ndarray of shape (n_classes,)
    totals : float64 ndarray of shape (n_models, n_classes) or (1, n_classes)
        The classes' total row weights.

    Returns
    -------
    float64 ndarray of shape (n_models, n_classes), or (1, n_classes) where all models have the
    same, or None where that is 1

    Raises
    ------
    ConfigError
        If a factor is no number of at least 0, or a label no class while a class has no factor.
    """
    if all(each is None for each in given):
        return None
    if len(totals) == 1 and all(each == given[0] for each in given):
        given = given[:1]
    by_model = np.broadcast_to(totals, (len(given), len(labels)))
    return np.stack([_factors(g, labels, t) for g, t in zip(given, by_model, strict=True)])


def _factors(given: Any, labels: NDArray[Any], counts: Float64) -> Float64:
    """Return the factors of one model."""
    if given is None:
        return np.ones(len(labels))
    if isinstance(given, str):
        if given != "balanced":
            raise ConfigError(
                f"class_weight is {given!r}; expected 'balanced' or a mapping of classes"
            )
        filled = counts > 0.0
        balanced: Float64 = counts.sum() / (filled.sum() * np.where(filled, counts, 1.0))
        return balanced
    if not isinstance(given, Mapping):
        raise ConfigError(f"class_weight is {given!r}; expected 'balanced' or a mapping of classes")
    return _factors_by_label(given, labels.tolist())


def _factors_by_label(given: Mapping[Any, Any], labels: list[Any]) -> Float64:
    """Return the factors in the order of the labels, 1 where `given` names none."""
    by_value = {label: code for code, label in enumerate(labels)}  # 0 is 0.0 is False
    by_text = {str(label): code for code, label in enumerate(labels)}  # as a project file has them
    factors: Float64 = np.full(len(labels), np.nan)
    unknown = []
    for label, factor in given.items():
        if not is_number(factor) or factor < 0:
            raise ConfigError(f"class_weight[{label!r}] is {factor!r}; expected a number >= 0")
        code = by_value.get(label, by_text.get(str(label)))
        if code is None:
            unknown.append(label)
        else:
            factors[code] = factor
    # As in scikit-learn: where every class has its factor, some of the rows may lack a class.
    if unknown and np.isnan(factors).any():
        raise ConfigError(
            f"class_weight names {unknown[0]!r}, which is not a class of y"
            + did_you_mean(str(unknown[0]), by_text, listed=True)
        )
    return np.nan_to_num(factors, nan=1.0)
