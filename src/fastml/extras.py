"""Libraries that only some installations have: imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fastml.errors import ConfigError

__all__ = ["load_extra"]

_NEEDS = {
    "boto3": ("sagemaker", "launching on SageMaker needs boto3"),
    "onnx": ("onnx", "an export needs ONNX"),
    "optuna": ("tune", "a search over settings needs Optuna"),
    "uvicorn": ("serve", "serving needs uvicorn"),
    "uvloop": ("serve", "serving needs uvloop"),
    "xgboost": ("xgboost", "boosted trees need XGBoost"),
}
"""The extra that brings a module, and what it is for."""


def load_extra(module: str) -> Any:
    """Import a library that comes with an extra.

    Parameters
    ----------
    module : {"boto3", "onnx", "optuna", "uvicorn", "uvloop", "xgboost"}

    Raises
    ------
    ConfigError
        If it is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        extra, need = _NEEDS[module]
        raise ConfigError(
            f"{need}, which is not installed: pip install 'fastml[{extra}]'"
        ) from error
