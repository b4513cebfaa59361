"""What a request's body is, and what its answer is to be: Content-Type and Accept."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Final, Literal, NamedTuple, TypeAlias, TypeGuard

from fastml.serving.predictor import TextForm
from fastml.serving.refused import RefusedError

__all__ = [
    "ACCEPTED",
    "READ",
    "Accepted",
    "Body",
    "accepted_media",
    "body_media",
    "is_text",
    "negotiated",
]

Kind: TypeAlias = Literal["csv", "json", "lines", "arrow", "parquet", "npy"]

READ: Final[dict[str, Kind]] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonlines": "lines",
    "application/jsonl": "lines",
    "application/x-ndjson": "lines",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/x-npy": "npy",
}
"""The media types of bodies."""
ACCEPTED: Final[dict[str, Kind]] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/jsonlines": "lines",
    "application/jsonl": "lines",
    "application/x-ndjson": "lines",
    "application/vnd.apache.arrow.stream": "arrow",
}
"""The media types of answers; where any will do, the first of those that fit the body."""
_CHARSETS: Final = ("utf-8", "utf8", "us-ascii", "ascii")


def is_text(kind: Kind) -> TypeGuard[TextForm]:
    """Say whether a body or an answer of a kind is text that the compiled core reads and writes."""
    return kind in ("csv", "json", "lines")


class Body(NamedTuple):
    """What a body is; `header` says whether delimited text begins with a line of names."""

    kind: Kind
    header: bool | None = None


class Accepted(NamedTuple):
    """What an answer is; `names` says whether delimited text begins with a line of names."""

    kind: Kind
    content_type: bytes
    names: bool = False


@lru_cache(256)
def negotiated(content_type: bytes, accept: bytes) -> tuple[Body, Accepted]:
    """Return what a body is and what its answer is to be.

    Raises
    ------
    RefusedError
        As `body_media` and `accepted_media` do.
    """
    body = body_media(content_type)
    return body, accepted_media(accept, body.kind)


def body_media(content_type: bytes) -> Body:
    """Return what a body is by its Content-Type.

    Raises
    ------
    RefusedError
        415, if it is of no type that is read.
    """
    name, parameters = _parsed(content_type)
    kind = READ.get(name)
    if kind is None:
        found = f"is {name!r}" if name else "is missing"
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the Content-Type {found}; expected one of {', '.join(READ)}",
        )
    charset = parameters.get("charset", "utf-8").lower()
    if charset not in _CHARSETS:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the text is in the charset {charset!r}; expected utf-8",
        )
    return Body(kind, _header(parameters, None))


def accepted_media(accept: bytes, body: Kind) -> Accepted:
    """Return what an answer is to be by the Accept header, the most wanted first.

    Raises
    ------
    RefusedError
        406, if it is nothing that is written.
    """
    wanted = [_parsed(each) for each in accept.split(b",")] if accept.strip() else [("*/*", {})]
    for name, parameters in sorted(wanted, key=_quality, reverse=True):
        if _quality((name, parameters)) <= 0.0:
            continue
        if name in ACCEPTED:
            return _accepted(name, parameters)
        prefix, star = name.split("/")[0], name.endswith("/*")
        fits = [each for each in ACCEPTED if star and prefix in ("*", each.split("/")[0])]
        if fits:
            own = [each for each in fits if ACCEPTED[each] == body]
            return _accepted((own or fits)[0], parameters)
    raise RefusedError(
        HTTPStatus.NOT_ACCEPTABLE,
        f"Accept is {accept.decode('latin-1')!r}; predictions are written as one of "
        f"{', '.join(ACCEPTED)}",
    )


def _accepted(name: str, parameters: dict[str, str]) -> Accepted:
    return Accepted(ACCEPTED[name], name.encode(), bool(_header(parameters, False)))


def _parsed(value: bytes) -> tuple[str, dict[str, str]]:
    """Return a media type and its parameters."""
    name, *rest = value.decode("latin-1").split(";")
    pairs = (each.partition("=") for each in rest)
    return name.strip().lower(), {
        key.strip().lower(): text.strip().strip('"') for key, _, text in pairs
    }


def _quality(media: tuple[str, dict[str, str]]) -> float:
    try:
        return float(media[1].get("q", "1"))
    except ValueError:
        return 0.0


def _header(parameters: dict[str, str], default: bool | None) -> bool | None:
    """Return what the parameter `header` of text/csv says (RFC 4180)."""
    return {"present": True, "absent": False}.get(parameters.get("header", ""), default)
