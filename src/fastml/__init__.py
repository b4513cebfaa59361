"""From a raw table to a judged, saved, predicting model, at the speed of reading the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastml._version import __version__

if TYPE_CHECKING:
    from fastml.checkpoint import Checkpoint
    from fastml.data import scan
    from fastml.pipeline import Pipeline, load

__all__ = ["Checkpoint", "Pipeline", "__version__", "load", "scan"]

_HOME = {
    "Checkpoint": "fastml.checkpoint",
    "Pipeline": "fastml.pipeline",
    "load": "fastml.pipeline",
    "scan": "fastml.data",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that `import fastml` costs little."""
    if name not in _HOME:
        raise AttributeError(f"module 'fastml' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
