"""A working folder with a small table and a project, for the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Take back the variables that a command sets, such as FASTML_MEMORY."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder with `shops.csv` and `project.toml`."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    size = rng.normal(100, 30, 900)
    town = rng.choice(["Aachen", "Zürich", "Łódź"], 900)
    sales = 5 * size + 80 * (town == "Zürich") + rng.normal(0, 20, 900)
    table = pa.table({"shop": range(900), "size": size, "town": town, "sales": sales})
    pyarrow.csv.write_csv(table, "shops.csv")
    Path("project.toml").write_text(
        'target = "sales"\nsource = "shops.csv"\n[success]\nr2 = { min = 0.8 }\n', encoding="utf-8"
    )
    return tmp_path
