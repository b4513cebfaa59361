"""From a fitted pipeline to the form of its compiled predictor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fastml.calibration.isotonic import Isotonic
from fastml.calibration.platt import Platt
from fastml.calibration.temperature import Temperature
from fastml.compiled.form import CompiledForm
from fastml.data.csv import CsvOptions
from fastml.ensemble import BoostedTrees
from fastml.linear_model import LogisticRegression
from fastml.pipeline.fitted import Fitted
from fastml.preprocessing.calendar import PER_SECOND, is_local, units_per_day
from fastml.preprocessing.conform import is_category_type
from fastml.preprocessing.encode_plan import EncodePlan

__all__ = ["describe"]

# As `request::Wants`, `score::Link`, `score::Calibration` and `score::Calendar` number them.
_NUMBER, _SINGLE, _BOOLEAN, _TEXT, _LABEL, _DATE, _MOMENT, _CLOCK = range(8)
_IDENTITY, _LOGISTIC, _SOFTMAX = range(3)
_UNCALIBRATED, _PLATT, _ISOTONIC, _TEMPERATURE = range(4)
_PARTS = {None: 0, "month": 1, "weekday": 2, "hour": 3}
_CSV_OPTIONS = ("delimiter", "quote", "escape", "decimal", "null_values", "default_nulls")


def describe(fitted: Fitted) -> CompiledForm:
    """Return the form of the compiled predictor of a pipeline.

    Its facts have a `model`, or None where the compiled core does not have it: it then reads
    requests and writes answers, and the pipeline itself predicts. That is so of trees, of parts of
    dates in a zone other than UTC, of classes that are each told from the rest, and of several
    classes with a calibration each.
    """
    plan, target = fitted.plan, fitted.target
    options = CsvOptions(**{k: v for k, v in fitted.reading.items() if k in _CSV_OPTIONS})
    text = set(plan.text_columns())
    tensors = {"schema": _view(np.frombuffer(plan.schema.serialize(), np.uint8))}
    facts = {
        "fields": [[field.name, *_wants(field, text)] for field in plan.schema],
        "dialect": {
            "delimiter": options.delimiter or ",",
            "quote": options.quote or "",
            "escape": options.escape or "",
            "decimal": options.decimal,
            "markers": list(options.markers),
        },
        "infinite_is_missing": plan.infinite == "missing",
        "threshold": fitted.threshold,
        "input": _columns(plan.schema),
        "output": _columns(target.prediction_schema()),
        "task": target.task,
        "target": target.column,
        "classes": list(target.classes),
        "model": _model(fitted, tensors),
    }
    return CompiledForm(facts, tensors)


def _view(values: np.ndarray[Any, Any]) -> memoryview:
    return np.ascontiguousarray(values).data


def _columns(schema: pa.Schema) -> list[dict[str, str]]:
    return [{"name": field.name, "type": str(field.type)} for field in schema]


def _wants(field: pa.Field, text: set[str]) -> tuple[int, int, bool]:
    type_ = field.type
    if is_category_type(type_):
        return (_TEXT if field.name in text else _LABEL), 1, False
    if pa.types.is_boolean(type_):
        return _BOOLEAN, 1, False
    if pa.types.is_float32(type_):
        return _SINGLE, 1, False
    if pa.types.is_date(type_):
        return _DATE, 1, False
    if pa.types.is_timestamp(type_):
        return _MOMENT, PER_SECOND[type_.unit], type_.tz is not None
    if pa.types.is_time(type_):
        return _CLOCK, PER_SECOND[type_.unit], False
    return _NUMBER, 1, False


def _model(fitted: Fitted, tensors: dict[str, memoryview]) -> dict[str, Any] | None:
    """Return the facts of the plan and of the model, and add the tensors; None if not known."""
    scoring = None if isinstance(fitted.learner, BoostedTrees) else _scoring(fitted, tensors)
    if scoring is None or not _calendar_is_known(fitted.plan):
        return None
    return {**_plan(fitted.plan, tensors), **scoring}


def _calendar_is_known(plan: EncodePlan) -> bool:
    dated = [f.column for f in plan.categorical if f.part is not None]
    return not any(is_local(plan.schema.field(column).type) for column in dated)


def _scoring(fitted: Fitted, tensors: dict[str, memoryview]) -> dict[str, Any] | None:
    """Return what follows the margins; None where the compiled core lacks it."""
    learner, calibrator = fitted.learner, fitted.calibrator
    assert not isinstance(learner, BoostedTrees)
    lanes = learner.weights_.shape[1]
    weights = np.zeros((len(learner.weights_) + 2, lanes), np.float32)
    weights[:-2] = learner.weights_
    link = _IDENTITY
    if isinstance(learner, LogisticRegression):
        link = _LOGISTIC if lanes == 1 else _SOFTMAX
        if lanes > 1 and learner.multi_class != "softmax":
            return None
    tensors["weights"] = _view(weights)
    tensors["intercept"] = _view(np.array(learner.intercept_, np.float64))
    scoring: dict[str, Any] = {"link": link, "calibration": _UNCALIBRATED}
    if calibrator is None:
        return scoring
    curve = calibrator.curves[0]
    if isinstance(curve, Temperature):
        return scoring | {"calibration": _TEMPERATURE, "slope": curve.temperature}
    if link != _LOGISTIC:
        return None
    if isinstance(curve, Platt):
        return scoring | {"calibration": _PLATT, "slope": curve.slope, "offset": curve.intercept}
    assert isinstance(curve, Isotonic)
    tensors["given"] = _view(np.asarray(curve.given, np.float64))
    tensors["calibrated"] = _view(np.asarray(curve.calibrated, np.float64))
    return scoring | {"calibration": _ISOTONIC}


def _plan(plan: EncodePlan, tensors: dict[str, memoryview]) -> dict[str, Any]:
    at = plan.schema.get_field_index
    for i, category in enumerate(plan.categorical):
        if category.part is None:
            offsets, text = _strings(category.values)
            tensors[f"category.{i}.offsets"], tensors[f"category.{i}.text"] = offsets, text
    for i, bins in enumerate(plan.bins):
        tensors[f"bin.{i}.edges"] = _view(bins.staged_edges)
    for i, (_, table) in enumerate(plan.single_parts):
        tensors[f"single.{i}.table"] = _view(table)
    for i, (cross, places, _) in enumerate(plan.crossed_parts):
        tensors[f"cross.{i}.keys"] = _view(cross.keys)
        for j, place in enumerate(places):
            tensors[f"cross.{i}.table.{j}"] = _view(plan.parts[place].table)
    return {
        "n_dense": plan.n_dense,
        "n_codes": plan.n_codes,
        "numbers": [
            [
                at(f.column),
                float(f.shift),
                float(np.float32(f.offset)),
                float(np.float32(f.factor)),
                float(np.float32(f.fill)),
                place,
                indicator,
            ]
            for f, place, indicator in plan.dense_places()
        ],
        "categories": [
            [at(f.column), _PARTS[f.part], units_per_day(plan.schema.field(f.column).type)]
            for f in plan.categorical
        ],
        "bins": [[at(f.column), float(f.shift)] for f in plan.bins],
        "singles": [place for place, _ in plan.single_parts],
        "crosses": [
            {"places": list(places), "sizes": list(cross.sizes), "start": start}
            for cross, places, start in plan.crossed_parts
        ],
    }


def _strings(values: pa.Array) -> tuple[memoryview, memoryview]:
    """Return the offsets and the bytes of distinct strings, the first offset 0."""
    whole = pa.concat_arrays([values.cast(pa.large_string())])  # its buffers begin with its values
    _, offsets, text = whole.buffers()
    ends = np.zeros(1, np.int64) if offsets is None else np.frombuffer(offsets, np.int64)
    ends = ends[whole.offset : whole.offset + len(whole) + 1]
    letters = np.frombuffer(text or b"", np.uint8)[ends[0] : ends[-1]]
    return _view(ends - ends[0]), _view(letters)
