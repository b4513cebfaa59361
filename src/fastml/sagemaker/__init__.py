"""SageMaker: the container that trains and serves there, and the launcher (docs/sagemaker.md).

`python -m fastml.sagemaker train` is what the image runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastml.sagemaker.launch.launcher import Launcher

__all__ = ["Launcher"]


def __getattr__(name: str) -> Any:
    if name == "Launcher":  # which a container does not need, and should not load
        from fastml.sagemaker.launch.launcher import Launcher

        return Launcher
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
