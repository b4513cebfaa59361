"""The size of a block: the unit of every fold, and so of every result's rounding."""

from __future__ import annotations

BLOCK_ROWS = 65_536
"""Rows in a block, counted from the start of a stream however it was cut into batches."""
