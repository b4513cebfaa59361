"""Predictions over HTTP: bytes of a request in, bytes of an answer out."""

from fastml.serving.predictor import Predictor

__all__ = ["Predictor"]
