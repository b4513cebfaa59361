"""Answers requests: bytes in, bytes out."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from fastml._native.predictor import FORMS, HEADERS
from fastml._typing import Float64
from fastml.pipeline import Pipeline
from fastml.preprocessing.conform import conform, is_category_type, is_number_type
from fastml.serving.compiled import compile_pipeline

__all__ = ["Predictor", "TextForm"]

TextForm: TypeAlias = Literal["csv", "json", "lines"]
"""Delimited text, a JSON document, or a row of JSON a line."""


class Predictor:
    """A fitted pipeline that reads requests and writes answers.

    A row has the same score, bit for bit, whatever it is written as and however many are sent with
    it, and the one that `Pipeline.predict_scores` gives it. Small requests of text meet neither
    Python objects nor Arrow. Threads may share one.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted.

    Attributes
    ----------
    compiled : bool
        Whether the compiled core predicts, or the pipeline (see `compile_pipeline`).
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._compiled, self.compiled = compile_pipeline(pipeline)
        self._lanes = max(len(pipeline.target_.classes), 1)
        if self._lanes == 2 and pipeline.task_ == "binary":
            self._lanes = 1

    @property
    def schema(self) -> pa.Schema:
        """The columns that a request has."""
        return self.pipeline.plan_.schema

    def answer(
        self,
        body: bytes,
        form: TextForm,
        *,
        header: bool | None = None,
        accept: TextForm = "json",
        names: bool = False,
    ) -> bytes:
        """Predict the rows of a request of text.

        Parameters
        ----------
        body : bytes
        form : {"csv", "json", "lines"}
            What it is.
        header : bool, optional
            Whether delimited text begins with a line of names. Without it the columns are those of
            `schema`, in that order. Default: where the first line has the name of a column.
        accept : {"csv", "json", "lines"}
            What the answer is to be.
        names : bool
            Whether an answer of delimited text begins with a line of names.

        Returns
        -------
        bytes
            A prediction for each row, in order, and of a classifier the probability of each class:
            the columns of `fastml predict`.

        Raises
        ------
        DataError
            If a row cannot be read: which, which column, what was found and what was expected.
        """
        if self.compiled:
            found: bytes = self._compiled.predict(
                body, FORMS[form], HEADERS[header], FORMS[accept], names
            )
            return found
        scores = self.pipeline.scores_of(self.rows(body, form, header=header), "the request")
        return self.write(scores, accept=accept, names=names)

    def rows(self, body: bytes, form: TextForm, *, header: bool | None = None) -> pa.RecordBatch:
        """Return the rows of a request of text, as `answer` reads them."""
        n_rows, columns = self._compiled.read(body, FORMS[form], HEADERS[header])
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
        if self.compiled:
            out = np.empty((batch.num_rows, self._lanes))
            if self._compiled.score(conform(batch, self.schema, where, row), out):
                return out[:, 0] if self._lanes == 1 else out
        return self.pipeline.scores_of(batch, where, row)

    def no_scores(self) -> Float64:
        """Return the scores of no rows."""
        return np.empty((0,) if self._lanes == 1 else (0, self._lanes))

    def conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the columns of `schema` from a batch, in the types of training."""
        return conform(batch, self.schema, "the request")

    def as_batch(self, scores: Float64) -> pa.RecordBatch:
        """Return the answer for scores as a record batch."""
        return self.pipeline.target_.predictions(scores, self.pipeline.threshold)

    def write(self, scores: Float64, *, accept: TextForm = "json", names: bool = False) -> bytes:
        """Return the answer for scores."""
        wide = scores[:, None] if scores.ndim == 1 else scores
        written: bytes = self._compiled.answer(np.ascontiguousarray(wide), FORMS[accept], names)
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
