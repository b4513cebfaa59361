"""An endpoint's container: the model that SageMaker unpacked, on the port that it chose."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fastml.errors import ConfigError
from fastml.sagemaker.layout import Layout
from fastml.serving.server import serve as serve_model

__all__ = ["serve"]

_PORT, _WORKERS = "SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_MODEL_SERVER_WORKERS"


def serve(layout: Layout | None = None) -> None:
    """Serve the model of a container until SIGTERM.

    `SAGEMAKER_BIND_TO_PORT` is the platform's: containers of one endpoint share its ports.
    `SAGEMAKER_MODEL_SERVER_WORKERS` is what the containers of its toolkits call the number of
    processes; default one for each core.

    Raises
    ------
    FastMLError
        If a variable is no number, or the model cannot be served.
    """
    serve_model(
        (layout or Layout()).model,
        port=_number(os.environ, _PORT, 8080),
        workers=_number(os.environ, _WORKERS, len(os.sched_getaffinity(0))),
    )


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    words = variables.get(name) or str(default)
    if not words.isdecimal() or int(words) < 1:
        raise ConfigError(f"{name} is {words!r}; expected a whole number of at least 1")
    return int(words)
