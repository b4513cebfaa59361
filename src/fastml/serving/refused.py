"""Requests that are not answered, as HTTP says it."""

from __future__ import annotations

from http import HTTPStatus

from fastml.errors import ServingError

__all__ = ["RefusedError"]


class RefusedError(ServingError):
    """A request that is not answered.

    Parameters
    ----------
    status : http.HTTPStatus
    message : str
        What was found, what was expected and what to do, for whoever sent the request.
    retry_after : int, optional
        Seconds after which to ask again.
    allow : str, optional
        The methods that would do, which HTTP has a 405 say.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        retry_after: int | None = None,
        allow: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after, self.allow = status, retry_after, allow
