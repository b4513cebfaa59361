"""The target of a model: which task it makes, what its classes are, and what scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._typing import Float32, Float64, Int32, Task
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.preprocessing.conform import is_category_type, is_number_type
from fastml.preprocessing.staging import Staging, as_floats

__all__ = ["Target", "check_target_type", "find_target"]

MOST_CLASSES = 1_000
_YES = ("yes", "true", "1", "y", "t", "positive", "bad", "default", "churned")


@dataclass(frozen=True, slots=True)
class Target:
    """A target column as the learner sees it.

    Parameters
    ----------
    column : str
    task : {"binary", "multiclass", "regression"}
    classes : tuple
        The values in the order of their codes; a binary target's positive class is the last.
        Empty for a regression.
    order : int32 array
        For a target of strings, the code of each value in the order that training saw them.
    text : bool
        Whether the classes are strings.
    """

    column: str
    task: Task
    classes: tuple[Any, ...]
    order: Int32 | None = None

    @property
    def text(self) -> bool:
        """Whether the classes are strings."""
        return bool(self.classes) and isinstance(self.classes[0], str)

    def default_learner(self) -> LinearRegression | LogisticRegression:
        """Return the learner for the task."""
        return LinearRegression() if self.task == "regression" else LogisticRegression()

    def codes(self, staged: NDArray[Any]) -> Float32 | Float64:
        """Return staged target values as the learner's target.

        Parameters
        ----------
        staged : float64 array, or int32 codes in the order of training, shape (rows,)

        Returns
        -------
        float32 codes of classes or float64 numbers, shape (rows,)
            A number may be large next to what it varies by: the learner takes its mean off first.
        """
        if self.task == "regression":
            return np.asarray(staged, np.float64)
        codes = staged
        if self.order is not None:
            codes = self.order[staged]
        elif self.task == "binary":
            codes = staged == self.classes[1]
        elif self.task == "multiclass":
            codes = np.searchsorted(np.array(self.classes, np.float64), staged)
        return np.asarray(codes, np.float32)

    def encode(self, column: pa.Array, where: str) -> Float64:
        """Return the codes (or numbers) of a column, float64 (rows,); NaN where it is null.

        Raises
        ------
        SchemaError
            If the column cannot hold the target.
        DataError
            If it has a value that training did not see.
        """
        check_target_type(pa.field(self.column, column.type), where)
        if self.task == "regression":
            if is_category_type(column.type):
                raise SchemaError(
                    f"the target {self.column!r} of {where} has the type {column.type}; "
                    "expected numbers"
                )
            return as_floats(column)
        column, values = self._comparable(column)
        found = pc.index_in(column, values)
        unknown = pc.and_(pc.is_valid(column), pc.is_null(found))
        if pc.any(unknown).as_py():
            value = column[pc.index(unknown, True).as_py()].as_py()
            raise DataError(
                f"the target {self.column!r} of {where} has the value {value!r}; "
                f"the model was trained on {', '.join(map(repr, self.classes[:10]))}"
            )
        return as_floats(found)

    def _comparable(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Return a column and the classes as arrays of one type, NaN as null."""
        if is_category_type(column.type):
            column = pc.cast(column, pa.string())
        if self.text:
            return pc.cast(column, pa.string()), pa.array(self.classes, pa.string())
        values = pa.array([float(value) for value in self.classes])
        try:
            floats = pc.cast(column, pa.float64(), safe=False)
        except pa.ArrowInvalid:  # text that is no number, and so no class
            return column, pc.cast(pa.array(self.classes), pa.string())
        return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats), values

    def decide(self, scores: Float64, threshold: float) -> np.ndarray[Any, Any]:
        """Turn scores into classes or numbers, shape (rows,)."""
        if self.task == "regression":
            return scores
        classes = np.array(self.classes, dtype=object if self.text else None)
        codes = scores >= threshold if scores.ndim == 1 else scores.argmax(axis=1)
        return classes[codes.astype(np.intp)]

    def prediction_schema(self) -> pa.Schema:
        """Return the columns of predictions: `prediction` and, of a classifier, each probability.

        Those are named `probability_CLASS`.
        """
        if self.task == "regression":
            return pa.schema([("prediction", pa.float64())])
        chances = [(f"probability_{name}", pa.float64()) for name in self.classes]
        return pa.schema([("prediction", pa.array(self.classes).type), *chances])

    def predictions(self, scores: Float64, threshold: float) -> pa.RecordBatch:
        """Return the predictions that scores stand for."""
        schema = self.prediction_schema()
        decided = pa.array(self.decide(scores, threshold).tolist(), schema.field(0).type)
        if self.task == "regression":
            return pa.record_batch([decided], schema=schema)
        chances = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
        columns = [pa.array(np.ascontiguousarray(chance)) for chance in chances.T]
        return pa.record_batch([decided, *columns], schema=schema)

    def state(self) -> dict[str, Any]:
        """Return what a saved model holds of the target."""
        return {"column": self.column, "task": self.task, "classes": list(self.classes)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Target:
        """Restore what `state` returned."""
        return cls(state["column"], state["task"], tuple(state["classes"]))


def check_target_type(field: pa.Field, where: str) -> None:
    """Raise a SchemaError if a column can be no target."""
    type_ = field.type
    if not (is_number_type(type_) or is_category_type(type_) or pa.types.is_null(type_)):
        raise SchemaError(
            f"the target {field.name!r} of {where} has the type {type_}; expected numbers, "
            "booleans or text: name another target, or cast it"
        )


def find_target(
    staging: Staging, column: str, where: str, task: Task | None, positive: Any, learner: Any
) -> Target:
    """Decide the task from the target's values, the learner and what was asked for.

    Raises
    ------
    DataError
        If the target has a single class, or too many for a classification.
    ConfigError
        If the task, the learner and the values contradict one another.
    """
    if isinstance(learner, LinearRegression):
        if task not in (None, "regression"):
            raise ConfigError(f"a LinearRegression cannot learn a {task} task")
        task = "regression"
    text = staging.target_categories is not None
    if text and task == "regression":
        raise SchemaError(
            f"the target {column!r} of {where} holds text; a regression needs numbers: "
            "name another target, or task='multiclass'"
        )
    values, order = _text_values(staging) if text else (_number_values(staging), None)
    classifies = text or task not in (None, "regression") or isinstance(learner, LogisticRegression)
    if task == "regression" or (not classifies and len(values) != 2):
        return Target(column, "regression", ())
    if len(values) < 2:
        found = repr(values[0]) if values else "nothing"
        raise DataError(
            f"the target {column!r} of {where} has a single class: {found} in all "
            f"{staging.n_rows:,} rows; a classifier needs at least two"
        )
    if len(values) > MOST_CLASSES:
        raise DataError(
            f"the target {column!r} of {where} has over {MOST_CLASSES:,} different values; "
            "that is no classification: name another target, or task='regression'"
        )
    if task == "binary" and len(values) != 2:
        raise DataError(
            f"the target {column!r} of {where} has {len(values)} classes; a binary task needs two: "
            "say task='multiclass'"
        )
    if len(values) == 2 and task != "multiclass":
        values, order = _positive_last(values, order, column, positive)
        return Target(column, "binary", tuple(values), order)
    if positive is not None:
        raise ConfigError(f"positive={positive!r} is for a binary task; this one is multiclass")
    return Target(column, "multiclass", tuple(values), order)


def _text_values(staging: Staging) -> tuple[list[Any], Int32]:
    assert staging.target_categories is not None
    seen = staging.target_categories.categories().to_pylist()
    values = sorted(seen)
    rank = {value: code for code, value in enumerate(values)}
    return values, np.array([rank[value] for value in seen], np.int32)


def _number_values(staging: Staging) -> list[Any]:
    """Return the distinct numbers of the target, at most one more than there may be classes."""
    seen: set[float] = set()
    for block in staging.blocks:
        seen.update(np.unique(block.target).tolist())
        if len(seen) > MOST_CLASSES:
            break
    values = sorted(seen)
    if pa.types.is_boolean(staging.target_type):
        return [bool(v) for v in values]
    return [int(v) for v in values] if all(float(v).is_integer() for v in values) else values


def _positive_last(
    values: list[Any], order: Int32 | None, column: str, positive: Any
) -> tuple[list[Any], Int32 | None]:
    if positive is None:
        first_is_yes = str(values[0]).lower() in _YES and str(values[1]).lower() not in _YES
        chosen = values[0] if first_is_yes else values[1]
    else:
        chosen = next((v for v in values if v == positive or _reads_as(v, positive)), None)
        if chosen is None:
            raise ConfigError(
                f"positive={positive!r} is not a value of the target {column!r}; "
                f"it has {values[0]!r} and {values[1]!r}"
            )
    if chosen == values[1]:
        return values, order
    return values[::-1], None if order is None else (1 - order).astype(np.int32)


def _reads_as(value: Any, named: Any) -> bool:
    if isinstance(value, bool):  # a project file says true, Python True
        return str(value).casefold() == str(named).casefold()
    return str(value) == str(named)
