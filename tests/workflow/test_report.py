"""The report of a run holds whatever a table brings, and stays one small page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastml.workflow.project import parse_project
from fastml.workflow.run import run

EVIL = "<script>alert('x')</script>&\"<img src=x onerror=y>"


def report(table: pa.Table, lines: str = "", target: str = "y") -> str:
    pq.write_table(table, "table.parquet")
    text = f"problem.target = '''{target}'''\ndata.source = 'table.parquet'\n{lines}"
    _, folder = run(parse_project(text))
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_names_and_values_cannot_become_markup() -> None:
    rng = np.random.default_rng(0)
    category = rng.choice([EVIL, "plain"], 400)
    answer = np.where((category == EVIL) ^ (rng.random(400) < 0.2), EVIL, "no")
    table = pa.table({f"a{EVIL}": category, "x": rng.normal(size=400), EVIL: answer})
    html = report(table, f"problem.question = '''{EVIL}'''", target=EVIL)
    assert "&lt;script&gt;alert" in html
    for evil in ("<script", "<img", "onerror=y>"):
        assert evil not in html


def test_a_wide_table_gives_a_small_page() -> None:
    rng = np.random.default_rng(0)
    columns = {f"a column with a long name, number {i}": rng.normal(size=300) for i in range(600)}
    columns |= {f"category {i}": rng.choice(list("abcdefghijklmnop"), 300) for i in range(60)}
    columns["y"] = columns["a column with a long name, number 0"] + rng.normal(size=300)
    html = report(pa.table(columns), "features.drop = ['category 0']")
    assert len(html.encode()) < 300_000
    assert "more columns" in html


def test_columns_that_cannot_be_counted_are_shown_without_a_count() -> None:
    x = np.random.default_rng(0).normal(size=400)
    table = pa.table(
        {
            "x": x,
            "list": pa.array([[1, 2], [3]] * 200),
            "binary": pa.array([b"a", b"b"] * 200),
            "decimal": pa.array([f"{value:.2f}" for value in x]).cast(pa.decimal128(9, 2)),
            "struct": pa.array(
                [{"a": i % 7, "b": "left" if i % 3 else "right"} for i in range(400)]
            ),
            "y": 2 * x + np.random.default_rng(1).normal(size=400),
        }
    )
    html = report(table, "features.drop = ['struct.a']")
    for name in ("list", "binary", "decimal", "struct.a", "struct.b"):
        assert f"<td>{name}</td>" in html
    assert "<tr><td>struct.a</td><td>asked for" in html


def test_many_rows_give_a_small_page() -> None:
    x = np.random.default_rng(0).normal(size=40_000)
    html = report(pa.table({"x": x, "y": 2 * x + np.random.default_rng(1).normal(size=40_000)}))
    assert len(html.encode()) < 100_000
    assert "1,500 of 4,000 rows" in html
