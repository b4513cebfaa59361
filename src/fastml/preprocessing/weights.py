"""Row weights: which types hold them, and which values are none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fastml.errors import DataError, SchemaError
from fastml.preprocessing.conform import is_number_type
from fastml.preprocessing.staging import as_floats

__all__ = ["check_weight_type", "check_weights"]


def check_weight_type(field: pa.Field, where: str) -> None:
    """Raise a SchemaError if a column cannot hold weights."""
    if not (is_number_type(field.type) or pa.types.is_null(field.type)):
        raise SchemaError(
            f"the weight {field.name!r} of {where} has the type {field.type}; expected numbers"
        )


def check_weights(column: pa.Array, used: pa.BooleanArray, name: str, where: str, row: int) -> None:
    """Raise a DataError at the first row that is used and has no weight.

    Parameters
    ----------
    column : numeric pyarrow.Array of n weights
    used : n booleans
        The rows that are learned from.
    name, where : str
        The column and its source, for messages.
    row : int
        The number of the first row in its source, for messages.
    """
    weights = as_floats(column)
    sound = (weights >= 0.0) & (weights <= np.finfo(np.float32).max)
    wrong = np.flatnonzero(~sound & np.asarray(used))
    if len(wrong):
        raise DataError(
            f"the weight {name!r} of {where} is {column[int(wrong[0])].as_py()} at row "
            f"{row + int(wrong[0]) + 1:,}; expected numbers of at least 0, and below 3.4e38: "
            "fill it or leave the row out"
        )
