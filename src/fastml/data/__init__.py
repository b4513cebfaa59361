"""Rows in and out: every kind of table as one stream of record batches."""

from __future__ import annotations

from fastml.data.canonical import canonical_batch, canonical_schema, canonical_type
from fastml.data.convert import convert
from fastml.data.scan import scan
from fastml.data.source import Source

__all__ = [
    "Source",
    "canonical_batch",
    "canonical_schema",
    "canonical_type",
    "convert",
    "scan",
]
