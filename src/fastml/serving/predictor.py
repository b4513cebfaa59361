"""Answers requests of text: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from fastml._native.predictor import FORMS, HEADERS
from fastml._typing import PathLike
from fastml.artifact.layout import PREDICTOR
from fastml.artifact.manifest import Opened, open_artifact
from fastml.compiled.build import build
from fastml.compiled.form import CompiledForm
from fastml.errors import ArtifactError

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline
    from fastml.serving.batch_predictor import BatchPredictor

__all__ = ["Predictor", "TextForm"]

TextForm: TypeAlias = Literal["csv", "json", "lines"]
"""Delimited text, a JSON document, or a row of JSON a line."""


class Predictor:
    """A fitted pipeline that reads requests and writes answers.

    A row has the same score, bit for bit, whatever it is written as and however many are sent with
    it, and the one that `Pipeline.predict_scores` gives it. Requests of text meet neither Python
    objects nor Arrow, which is imported when it is first needed. Threads may share one.

    Parameters
    ----------
    form : CompiledForm
    pipeline : callable
        Returns the pipeline that the form was made of; called when it is first needed.

    Attributes
    ----------
    facts : mapping
        Of the form: `input`, `output`, `task`, `target`, `classes` and others.
    schema : bytes
        Arrow's, of a request's columns.
    compiled : bool
        Whether the compiled core predicts, or the pipeline (see `fastml.compiled.describe`).
    """

    def __init__(self, form: CompiledForm, pipeline: Callable[[], Pipeline]) -> None:
        self.facts = form.facts
        self.schema = bytes(form.tensors["schema"])
        self.compiled = form.facts["model"] is not None
        self.core = build(form)
        self._pipeline = pipeline

    @classmethod
    def of(cls, pipeline: Pipeline) -> Self:
        """Return the predictor of a fitted pipeline."""
        from fastml.compiled.describe import describe

        return cls(describe(pipeline.fitted()), lambda: pipeline)

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Return the predictor of a saved model: its directory, or that of a run.

        Raises
        ------
        ArtifactError
            If there is none, or it is truncated, altered, foreign or of a newer format.
        """
        opened = open_artifact(path)
        content = opened.read(PREDICTOR) if PREDICTOR in opened.files else None
        form = None if content is None else CompiledForm.from_bytes(content)
        if form is None or form.facts["model"] is None:  # of another version, or the pipeline's
            return cls.of(_pipeline(opened))
        path, digest = opened.path, opened.digest  # a manifest may be large, and is not kept

        def pipeline() -> Pipeline:
            again = open_artifact(path)
            if again.digest != digest:
                raise ArtifactError(f"the model {path} has been replaced by another")
            return _pipeline(again)

        return cls(form, pipeline)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline.

        Raises
        ------
        ArtifactError
            If the model that was opened has been replaced meanwhile.
        """
        return self._pipeline()

    @cached_property
    def batches(self) -> BatchPredictor:
        """The same for record batches."""
        from fastml.serving.batch_predictor import BatchPredictor

        return BatchPredictor(self)

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
            `facts["input"]`, in that order. Default: where the first line has the name of a column.
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
            found: bytes = self.core.predict(
                body, FORMS[form], HEADERS[header], FORMS[accept], names
            )
            return found
        scores = self.pipeline.scores_of(
            self.batches.read(body, form, header=header), "the request"
        )
        return self.batches.write(scores, accept=accept, names=names)


def _pipeline(opened: Opened) -> Pipeline:
    from fastml.artifact.reading import read_opened
    from fastml.pipeline import Pipeline

    return Pipeline.from_state(*read_opened(opened))
