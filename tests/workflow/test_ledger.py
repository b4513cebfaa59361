"""Looks at a test split are counted, whatever becomes of the run."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from fastml.errors import DataError
from fastml.workflow.ledger import LEDGER, count_looks, record_look

FIRST: dict[str, object] = {"source": "churn.parquet", "seed": 7}
OTHER: dict[str, object] = {"source": "churn.parquet", "seed": 8}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "project" / LEDGER


def test_counts_each_split_apart(ledger: Path) -> None:
    assert [record_look(ledger, FIRST, "a"), record_look(ledger, FIRST, "b")] == [1, 2]
    assert record_look(ledger, OTHER, "c") == 1
    assert count_looks(ledger) == {
        "source churn.parquet, seed 7": 2,
        "source churn.parquet, seed 8": 1,
    }


def test_no_ledger_no_looks(ledger: Path) -> None:
    assert count_looks(ledger) == {}


@pytest.mark.parametrize("torn", ['{"time": "20\n[]\n', '{"time": "20', "\n\n", b"\xff\xfe"])
def test_a_line_cut_short_does_not_hide_the_others(ledger: Path, torn: str | bytes) -> None:
    record_look(ledger, FIRST, "a")
    with ledger.open("ab") as file:
        file.write(torn if isinstance(torn, bytes) else torn.encode())
    assert record_look(ledger, FIRST, "b") == 2
    assert record_look(ledger, FIRST, "c") == 3


def test_a_look_that_does_not_fit_on_the_disk_is_told(ledger: Path) -> None:
    record_look(ledger, FIRST, "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.stat().st_size + 20, hard))
    try:
        with pytest.raises(DataError, match=r"cannot be noted .* No space left"):
            record_look(ledger, FIRST, "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert record_look(ledger, FIRST, "c") == 2


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "project").write_text("a file")
    with pytest.raises(DataError, match=r"cannot be noted .* --draft"):
        record_look(tmp_path / "project" / LEDGER, FIRST, "a")
