"""Runs folds and maps over blocks: on threads here, elsewhere beyond one machine."""

from __future__ import annotations

from fastml.engine.blocks import BLOCK_ROWS
from fastml.engine.budget import memory_budget
from fastml.engine.cores import available_cores
from fastml.engine.memory import BlockMemory
from fastml.engine.threads import default_threads, ordered_map, read_ahead

__all__ = [
    "BLOCK_ROWS",
    "BlockMemory",
    "available_cores",
    "default_threads",
    "memory_budget",
    "ordered_map",
    "read_ahead",
]
