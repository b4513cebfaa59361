"""Saves and opens a model: a directory of JSON and Arrow files, checked by their digests.

`export_onnx` writes it for other programs, which need no fastml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastml._lazy import imported_when_used
from fastml.artifact.layout import FORMAT_VERSION

if TYPE_CHECKING:
    from fastml.artifact.onnx_export import export_onnx
    from fastml.artifact.reading import read_artifact
    from fastml.artifact.writing import write_artifact

__all__ = ["FORMAT_VERSION", "export_onnx", "read_artifact", "write_artifact"]

__getattr__ = imported_when_used(  # a server of small requests does without Arrow
    __name__,
    {
        "export_onnx": "fastml.artifact.onnx_export",
        "read_artifact": "fastml.artifact.reading",
        "write_artifact": "fastml.artifact.writing",
    },
)
