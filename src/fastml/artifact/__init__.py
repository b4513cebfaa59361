"""Saves and opens a model: a directory of JSON and Arrow files, checked by their digests."""

from __future__ import annotations

from fastml.artifact.layout import FORMAT_VERSION
from fastml.artifact.reading import read_artifact
from fastml.artifact.writing import write_artifact

__all__ = ["FORMAT_VERSION", "read_artifact", "write_artifact"]
