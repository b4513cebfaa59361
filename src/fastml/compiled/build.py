"""From a form to the compiled predictor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastml._native.predictor import Predictor
from fastml.compiled.form import CompiledForm
from fastml.errors import ArtifactError

__all__ = ["build"]


def build(form: CompiledForm) -> Predictor:
    """Return the compiled predictor.

    Raises
    ------
    ArtifactError
        If the parts of the form do not belong together.
    """
    try:
        return _build(form.facts, form.tensors)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise ArtifactError(
            f"the parts of the model's compiled form do not belong together ({error!r}); "
            "save the model again"
        ) from error


def _build(facts: Mapping[str, Any], tensors: Mapping[str, memoryview]) -> Predictor:
    dialect = facts["dialect"]
    marks = [dialect[name].encode() for name in ("delimiter", "quote", "escape", "decimal")]
    compiled = Predictor(
        facts["fields"],
        (*marks, [marker.encode() for marker in dialect["markers"]]),
        facts["infinite_is_missing"],
        [_class_names(value) for value in facts["classes"]],
        facts["threshold"],
    )
    if facts["model"] is not None:
        _add_model(compiled, facts["model"], tensors)
    return compiled


def _add_model(
    compiled: Predictor, model: Mapping[str, Any], tensors: Mapping[str, memoryview]
) -> None:
    for number in model["numbers"]:
        compiled.add_number(*number)
    for i, (column, part, per_day) in enumerate(model["categories"]):
        if part:
            compiled.add_date_part(column, part, per_day)
        else:
            offsets, text = (tensors[f"category.{i}.{name}"] for name in ("offsets", "text"))
            compiled.add_category(column, offsets, text)
    for i, (column, shift) in enumerate(model["bins"]):
        compiled.add_bin(column, shift, tensors[f"bin.{i}.edges"])
    for i, place in enumerate(model["singles"]):
        compiled.add_single(place, tensors[f"single.{i}.table"])
    for i, cross in enumerate(model["crosses"]):
        tables = [
            (place, tensors[f"cross.{i}.table.{j}"]) for j, place in enumerate(cross["places"])
        ]
        compiled.add_cross(tables, cross["sizes"], tensors[f"cross.{i}.keys"], cross["start"])
    compiled.set_model(
        model["n_dense"],
        model["n_codes"],
        tensors["weights"],
        tensors["intercept"],
        model["link"],
        model["calibration"],
        model.get("slope", 1.0),
        model.get("offset", 0.0),
        list(tensors.get("given", ())),
        list(tensors.get("calibrated", ())),
    )


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
