"""Probabilities made to come true: as often as they say, on rows that were not learned from."""

from __future__ import annotations

from fastml.calibration.calibrator import Calibrator, Method, fit_calibrator

__all__ = ["Calibrator", "Method", "fit_calibrator"]
