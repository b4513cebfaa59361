"""An endpoint's container: the model that SageMaker unpacked, or those that it will name."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fastml.engine import available_cores, memory_budget
from fastml.errors import ConfigError
from fastml.sagemaker.layout import Layout
from fastml.serving.limits import Limits
from fastml.serving.server import serve as serve_model

__all__ = ["serve"]

_PORT, _WORKERS = "SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_MODEL_SERVER_WORKERS"
_MANY = "SAGEMAKER_MULTI_MODEL"


def serve(layout: Layout | None = None) -> None:
    """Serve the model of a container until SIGTERM; many where `SAGEMAKER_MULTI_MODEL` is true.

    `SAGEMAKER_BIND_TO_PORT` is the platform's: containers of one endpoint share its ports.
    `SAGEMAKER_MODEL_SERVER_WORKERS` is what the containers of its toolkits call the number of
    processes; default one for each core.

    Raises
    ------
    FastMLError
        If a variable is no number, or the model cannot be served.
    """
    many = os.environ.get(_MANY, "").lower() == "true"
    cores = available_cores()
    serve_model(
        None if many else (layout or Layout()).model,
        host="0.0.0.0",
        port=_number(os.environ, _PORT, 8080),
        workers=1 if many else _number(os.environ, _WORKERS, cores),
        limits=Limits(threads=cores, models=memory_budget() // 2),
    )


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    words = variables.get(name) or str(default)
    if not words.isdecimal() or int(words) < 1:
        raise ConfigError(f"{name} is {words!r}; expected a whole number of at least 1")
    return int(words)
