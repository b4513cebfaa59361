"""Looks at a test split are counted, whatever becomes of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastml.errors import DataError
from fastml.workflow.ledger import LEDGER, count_looks, record_look

FIRST: dict[str, object] = {"source": "churn.parquet", "seed": 7}
OTHER: dict[str, object] = {"source": "churn.parquet", "seed": 8}


def test_counts_each_split_apart(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert [record_look(runs, FIRST, "a"), record_look(runs, FIRST, "b")] == [1, 2]
    assert record_look(runs, OTHER, "c") == 1
    assert count_looks(runs) == {
        "source churn.parquet, seed 7": 2,
        "source churn.parquet, seed 8": 1,
    }


def test_no_ledger_no_looks(tmp_path: Path) -> None:
    assert count_looks(tmp_path) == {}


def test_a_line_cut_short_does_not_hide_the_others(tmp_path: Path) -> None:
    record_look(tmp_path, FIRST, "a")
    with (tmp_path / LEDGER).open("a") as file:
        file.write('{"time": "20\n[]\n')
    assert record_look(tmp_path, FIRST, "b") == 2


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(DataError, match=r"cannot be noted .* --draft"):
        record_look(tmp_path / "runs", FIRST, "a")
