"""From a raw table to predictions: the estimator, how it is trained, and what it consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastml._lazy import imported_when_used

if TYPE_CHECKING:
    from fastml.pipeline.estimator import Pipeline, load

__all__ = ["Pipeline", "load"]

__getattr__ = imported_when_used(  # its parts are used by those that the estimator uses
    __name__, dict.fromkeys(__all__, "fastml.pipeline.estimator")
)
