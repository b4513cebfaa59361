"""SageMaker's contract of a container that brings its own training (docs/sagemaker.md).

`python -m fastml.sagemaker train` is what the image runs.
"""

from __future__ import annotations

from fastml.sagemaker.metrics import metric_definitions, objective

__all__ = ["metric_definitions", "objective"]
