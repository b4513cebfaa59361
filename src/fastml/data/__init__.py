"""Rows in and out: every kind of table as one stream of record batches."""

from __future__ import annotations

from fastml.data.scan import scan
from fastml.data.source import Source

__all__ = ["Source", "scan"]
