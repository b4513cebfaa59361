"""Requests to answers: the core that a server, a container and a test call alike."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from fastml.errors import ArtifactError, DataError, SchemaError
from fastml.serving.media import is_text, negotiated
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError
from fastml.serving.rows import MOST_ROWS, check_text

__all__ = ["Answered", "Handler"]


class Answered(NamedTuple):
    """An answer and its Content-Type."""

    body: bytes
    content_type: bytes


class Handler:
    """Answers requests by a predictor. Threads may share one.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def handle(
        self,
        body: bytes,
        content_type: bytes,
        accept: bytes = b"",
        *,
        explain: bool = False,
        most_rows: int = MOST_ROWS,
    ) -> Answered:
        """Answer a request.

        Parameters
        ----------
        body : bytes
        content_type, accept : bytes
            As HTTP has them; nothing accepted is anything, as the body is.
        explain : bool
            Whether each prediction comes with what each column adds to it.
        most_rows : int
            That the body may have.

        Raises
        ------
        RefusedError
            400 where a row cannot be read, 413 where there are too many, 415 and 406 where types
            are not known, 503 where the model is being replaced.
        """
        given, wanted = negotiated(content_type, accept)
        if len(body) > most_rows and is_text(given.kind):  # a row takes a byte
            facts = self.predictor.facts
            delimiter = facts["dialect"]["delimiter"]
            check_text(body, given.kind, len(facts["input"]), most_rows, delimiter)
        try:
            if is_text(given.kind) and is_text(wanted.kind) and not explain:
                answer = self.predictor.answer(
                    body, given.kind, header=given.header, accept=wanted.kind, names=wanted.names
                )
            else:
                from fastml.serving import columns  # and with it Arrow

                answered = columns.answer_explained if explain else columns.answer_columns
                answer = answered(self.predictor, body, given, wanted, most_rows)
            return Answered(answer, wanted.content_type)
        except (DataError, SchemaError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        except ArtifactError as error:  # the model was replaced before all of it was read
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"the model changes: {error}", retry_after=1
            ) from error
