"""A baseline, as files: the columns that a model looks at as they were, and as they are to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastml.atomic import atomic_path
from fastml.monitoring.constraints import suggest
from fastml.monitoring.features import Statistics

__all__ = ["CONSTRAINTS", "OWN", "STATISTICS", "write_baseline", "write_json"]

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"
OWN = "baseline_"
"""How the same begin beside a model: they are of the rows that it was trained on."""


def write_baseline(folder: Path, statistics: Statistics, prefix: str = "") -> None:
    """Write statistics, and the constraints that they suggest."""
    write_json(folder / f"{prefix}{STATISTICS}", statistics.to_dict())
    write_json(folder / f"{prefix}{CONSTRAINTS}", suggest(statistics).to_dict())


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write an object as JSON, whole or not at all."""
    with atomic_path(file) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), "utf-8")
