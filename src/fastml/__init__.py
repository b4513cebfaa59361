"""From a raw table to a judged, saved, predicting model, at the speed of reading the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastml._lazy import imported_when_used
from fastml._version import __version__

if TYPE_CHECKING:
    from fastml.checkpoint import Checkpoint
    from fastml.data import scan
    from fastml.pipeline import Pipeline, load

__all__ = ["Checkpoint", "Pipeline", "__version__", "load", "scan"]

__getattr__ = imported_when_used(
    __name__,
    {
        "Checkpoint": "fastml.checkpoint",
        "Pipeline": "fastml.pipeline",
        "load": "fastml.pipeline",
        "scan": "fastml.data",
    },
)
