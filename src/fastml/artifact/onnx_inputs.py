"""The columns of a table as the inputs of an ONNX graph, and what stands there for a null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa

from fastml.artifact.onnx_graph import INT64
from fastml.errors import ConfigError
from fastml.preprocessing.conform import is_category_type, is_number_type
from fastml.preprocessing.encode_plan import EncodePlan

__all__ = ["Input", "inputs_of"]

Tensor: TypeAlias = Literal["string", "double", "float", "int64"]


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a graph, (rows, 1).

    Attributes
    ----------
    name : str
        The column's.
    type : str
        Arrow's name of the type that the column had in training.
    tensor : {"string", "double", "float", "int64"}
        Text and categories; numbers and booleans; numbers that training saw as float32; of dates,
        moments, times of day and durations the number that Arrow stores, in the unit of `type`.
    missing : str, int or None
        What stands for a missing value; None: NaN.
    """

    name: str
    type: str
    tensor: Tensor
    missing: str | int | None


def inputs_of(plan: EncodePlan) -> dict[str, Input]:
    """Return the input of each column that a plan needs, in its order.

    Raises
    ------
    ConfigError
        If a column has no name.
    """
    if "" in plan.schema.names:
        raise ConfigError(
            "the model cannot be exported: it learned from a column without a name, which an "
            "input of ONNX must have; name the column, and train again"
        )
    known = {f.column: f.values.to_pylist() for f in plan.categorical if f.part is None}
    return {field.name: _input(field, known.get(field.name, [])) for field in plan.schema}


def _input(field: pa.Field, known: list[str]) -> Input:
    type_ = field.type
    if is_category_type(type_):
        marker = ""
        while marker in known:
            marker += "(missing)"
        return Input(field.name, str(type_), "string", marker)
    if is_number_type(type_):
        tensor: Tensor = "float" if pa.types.is_float32(type_) else "double"
        return Input(field.name, str(type_), tensor, None)
    return Input(field.name, str(type_), "int64", int(INT64.min))
