"""A fitted pipeline as the compiled predictor has it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._native.predictor import Predictor
from fastml.calibration.isotonic import Isotonic
from fastml.calibration.platt import Platt
from fastml.calibration.temperature import Temperature
from fastml.data.csv import CsvOptions
from fastml.ensemble import BoostedTrees
from fastml.linear_model import LogisticRegression
from fastml.pipeline import Pipeline
from fastml.preprocessing.calendar import PER_SECOND, is_local, units_per_day
from fastml.preprocessing.conform import is_category_type
from fastml.preprocessing.encode_plan import EncodePlan

__all__ = ["compile_pipeline"]

# As `request::Wants`, `score::Link`, `score::Calibration` and `score::Calendar` number them.
_NUMBER, _SINGLE, _BOOLEAN, _TEXT, _LABEL, _DATE, _MOMENT, _CLOCK = range(8)
_IDENTITY, _LOGISTIC, _SOFTMAX = range(3)
_UNCALIBRATED, _PLATT, _ISOTONIC, _TEMPERATURE = range(4)
_PARTS = {None: 0, "month": 1, "weekday": 2, "hour": 3}
_CSV_OPTIONS = ("delimiter", "quote", "escape", "decimal", "null_values", "default_nulls")


def compile_pipeline(pipeline: Pipeline) -> tuple[Predictor, bool]:
    """Return the compiled predictor of a pipeline, and whether it has the model in it.

    Without the model it reads requests and writes answers, and the pipeline itself predicts: that
    is so of trees, of parts of dates in a zone other than UTC, of classes that are each told from
    the rest, and of several classes with a calibration each.
    """
    plan = pipeline.plan_
    options = CsvOptions(**{k: v for k, v in pipeline.reading.items() if k in _CSV_OPTIONS})
    dialect = (
        (options.delimiter or ",").encode(),
        (options.quote or "").encode(),
        (options.escape or "").encode(),
        options.decimal.encode(),
        [marker.encode() for marker in options.markers],
    )
    compiled = Predictor(
        _fields(plan),
        dialect,
        plan.infinite == "missing",
        [_class_names(value) for value in pipeline.target_.classes],
        pipeline.threshold,
    )
    model = _model(pipeline)
    if model is None or not _calendar_is_known(plan):
        return compiled, False
    _add_plan(compiled, plan)
    compiled.set_model(plan.n_dense, plan.n_codes, **model)
    return compiled, True


def _class_names(value: Any) -> tuple[bytes, bytes, bytes, bytes]:
    """Return a class and the name of its probability's column, as JSON and as delimited text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    name = f"probability_{value}"
    return _as_json(value), _as_csv(text), _as_json(name), _as_csv(name)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _as_csv(text: str) -> bytes:
    doubled = text.replace('"', '""')
    return (f'"{doubled}"' if set(text) & set(',"\r\n') else text).encode()


def _fields(plan: EncodePlan) -> list[tuple[str, int, int, bool]]:
    text = set(plan.text_columns())
    return [(field.name, *_wants(field, text)) for field in plan.schema]


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


def _calendar_is_known(plan: EncodePlan) -> bool:
    dated = [f.column for f in plan.categorical if f.part is not None]
    return not any(is_local(plan.schema.field(column).type) for column in dated)


def _model(pipeline: Pipeline) -> dict[str, Any] | None:
    """Return the weights and what follows the margins; None where the compiled core lacks it."""
    learner, calibrator = pipeline.learner_, pipeline.calibrator_
    if isinstance(learner, BoostedTrees):
        return None
    lanes = learner.weights_.shape[1]
    weights = np.zeros((len(learner.weights_) + 2, lanes), np.float32)
    weights[:-2] = learner.weights_
    link = _IDENTITY
    if isinstance(learner, LogisticRegression):
        link = _LOGISTIC if lanes == 1 else _SOFTMAX
        if lanes > 1 and learner.multi_class != "softmax":
            return None
    intercept = np.array(learner.intercept_, np.float64)
    model = {"weights": weights, "intercept": intercept, "link": link}
    if calibrator is None:
        return model
    curve = calibrator.curves[0]
    if isinstance(curve, Temperature):
        return model | {"calibration": _TEMPERATURE, "slope": curve.temperature}
    if link != _LOGISTIC:
        return None
    if isinstance(curve, Platt):
        return model | {"calibration": _PLATT, "slope": curve.slope, "offset": curve.intercept}
    assert isinstance(curve, Isotonic)
    given, calibrated = curve.given.tolist(), curve.calibrated.tolist()
    return model | {"calibration": _ISOTONIC, "given": given, "calibrated": calibrated}


def _add_plan(compiled: Predictor, plan: EncodePlan) -> None:
    at = plan.schema.get_field_index
    for number, place, indicator in plan.dense_places():
        compiled.add_number(
            at(number.column),
            number.shift,
            number.offset,
            number.factor,
            number.fill,
            place,
            indicator,
        )
    for category in plan.categorical:
        per_day = units_per_day(plan.schema.field(category.column).type)
        compiled.add_category(at(category.column), category.values, _PARTS[category.part], per_day)
    for bins in plan.bins:
        compiled.add_bin(at(bins.column), bins.shift, bins.staged_edges)
    for place, table in plan.single_parts:
        compiled.add_single(place, table)
    for cross, places, start in plan.crossed_parts:
        tables = [(place, plan.parts[place].table) for place in places]
        compiled.add_cross(tables, cross.sizes, cross.keys, start)
