"""Predicts record batches, and reads and writes them as the compiled predictor does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fastml._native.predictor import FORMS, HEADERS
from fastml._typing import Float64
from fastml.pipeline.target import Target
from fastml.preprocessing.conform import conform, is_category_type, is_number_type

if TYPE_CHECKING:
    from fastml.serving.predictor import Predictor, TextForm

__all__ = ["BatchPredictor"]


class BatchPredictor:
    """A predictor of record batches; `Predictor` is that of text. Threads may share one.

    Parameters
    ----------
    predictor : Predictor

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns that a request has.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._core = predictor.core
        facts = predictor.facts
        self.schema = pa.ipc.read_schema(pa.py_buffer(predictor.schema))
        self._target = Target(facts["target"], facts["task"], tuple(facts["classes"]))
        self._threshold = facts["threshold"]
        self._lanes = max(len(facts["classes"]), 1)
        if self._lanes == 2 and facts["task"] == "binary":
            self._lanes = 1

    def read(self, body: bytes, form: TextForm, *, header: bool | None = None) -> pa.RecordBatch:
        """Return the rows of a request of text, as `Predictor.answer` reads them."""
        n_rows, columns = self._core.read(body, FORMS[form], HEADERS[header])
        arrays = [
            _array(field.type, parts, n_rows)
            for field, parts in zip(self.schema, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, names=self.schema.names)

    def scores(self, batch: pa.RecordBatch, where: str = "the request", row: int = 0) -> Float64:
        """Return the scores of the rows of a batch, as `Pipeline.predict_scores` does.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        where : str
            The batch's name, for messages.
        row : int
            The number of its first row, for messages.

        Returns
        -------
        float64 array of shape (rows,) or (rows, classes)

        Raises
        ------
        SchemaError, DataError
            If a column is missing, or holds what it must not.
        """
        if self._predictor.compiled:
            out = np.empty((batch.num_rows, self._lanes))
            if self._core.score(conform(batch, self.schema, where, row), out):
                return out[:, 0] if self._lanes == 1 else out
        return self._predictor.pipeline.scores_of(batch, where, row)

    def no_scores(self) -> Float64:
        """Return the scores of no rows."""
        return np.empty((0,) if self._lanes == 1 else (0, self._lanes))

    def conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the columns of `schema` from a batch, in the types of training."""
        return conform(batch, self.schema, "the request")

    def as_batch(self, scores: Float64) -> pa.RecordBatch:
        """Return the answer for scores as a record batch."""
        return self._target.predictions(scores, self._threshold)

    def write(self, scores: Float64, *, accept: TextForm = "json", names: bool = False) -> bytes:
        """Return the answer for scores as text."""
        wide = scores[:, None] if scores.ndim == 1 else scores
        written: bytes = self._core.answer(np.ascontiguousarray(wide), FORMS[accept], names)
        return written


def _array(type_: pa.DataType, parts: tuple[bytes, ...], n: int) -> pa.Array:
    """Return a column of a request as Arrow has it."""
    buffers: list[Any] = [pa.py_buffer(part) for part in parts]
    if is_category_type(type_):
        offsets, text, valid = buffers
        return pa.Array.from_buffers(pa.large_string(), n, [valid, offsets, text])
    if is_number_type(type_):
        return pa.Array.from_buffers(pa.float64(), n, [None, buffers[0]])
    if pa.types.is_duration(type_):
        numbers = np.frombuffer(parts[0], np.float64)
        return pa.array(numbers, from_pandas=True).cast(pa.int64(), safe=False).view(type_)
    times, valid = buffers
    stored = pa.Array.from_buffers(pa.int64(), n, [valid, times])
    return stored.cast(pa.int32()).view(type_) if type_.bit_width == 32 else stored.view(type_)
