"""Rows to choose on and to test on may be tables of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from fastml.errors import ConfigError, SchemaError
from fastml.workflow.journal import Journal
from fastml.workflow.project import parse_project, read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]


def cut(name: str, first: int, rows: int) -> str:
    """Move some rows of the table into a file of their own."""
    pq.write_table(pq.read_table("customers.parquet").slice(first, rows), name)
    return name


def rows_of(file: Path) -> tuple[list[int], str, str]:
    journal = Journal()
    outcome, _ = run(read_project(file), journal=journal)
    return [each.rows for each in outcome.splits.values()], outcome.judged_on, journal.text()


def test_both_are_taken_whole_and_nothing_is_split(project: MakeProject) -> None:
    cut("v.parquet", 0, 200)
    cut("t.parquet", 200, 100)
    rows, judged_on, said = rows_of(
        project('data.validation = "v.parquet"\ndata.test = "t.parquet"')
    )
    assert rows == [1500, 200, 100]
    assert judged_on == "test"
    assert "as given: 1,500 rows to train on, 200 to choose on (all of " in said


def test_the_rest_keeps_its_shares_in_proportion(project: MakeProject) -> None:
    cut("t.parquet", 0, 90)
    rows, _, said = rows_of(project('data.test = "t.parquet"\n[split]\ntrain = 0.6\ntest = 0.2'))
    assert rows == [1125, 375, 90]  # 0.6 to 0.2
    assert "stratified by 'churn', seed 7: 1,125 rows to train on, 375 to choose on, 90 to" in said
    rows, _, _ = rows_of(project('data.validation = "t.parquet"\n[split]\nmethod = "random"'))
    assert rows == [1312, 90, 188]  # 0.7 to 0.1


def test_a_table_of_text_is_read_as_the_source_was(project: MakeProject, tmp_path: Path) -> None:
    file = project('data.types = { zip = "string" }\ndata.null_values = ["?"]\ndata.test = "t.csv"')
    table = pq.read_table("customers.parquet").drop(["age"])
    codes = pa.array([f"{i % 7:03}" for i in range(table.num_rows)])
    pacsv.write_csv(table.append_column("zip", codes), "customers.csv")
    file.write_text(file.read_text().replace("customers.parquet", "customers.csv"))
    words = Path("customers.csv").read_text().splitlines()
    Path("t.csv").write_text(
        "\n".join([words[0], *(line.replace("00", "") for line in words[1:99])])
    )
    rows, _, _ = rows_of(file)
    assert rows[-1] == 98


def test_a_look_at_a_test_table_is_known_by_that_table(project: MakeProject) -> None:
    cut("t.parquet", 0, 90)
    rows_of(project('data.test = "t.parquet"\nsplit.seed = 1'))
    _, _, said = rows_of(project('data.test = "./t.parquet"\nsplit.seed = 2'))
    assert "this is look 2 at the same test split" in said
    look = json.loads(Path("test-looks.jsonl").read_text().splitlines()[0])
    assert look["split"] == {"source": str(Path("t.parquet").resolve())}


def test_settings_name_the_tables_from_anywhere(project: MakeProject, tmp_path: Path) -> None:
    cut("t.parquet", 0, 90)
    settings = read_project(project('data.test = "t.parquet"')).settings
    assert parse_project(settings).data.test == str(tmp_path / "t.parquet")


def test_a_table_without_the_target_is_told_before_training(project: MakeProject) -> None:
    pq.write_table(
        pq.read_table("customers.parquet").rename_columns(
            ["customer", "plan", "age", "calls", "country", "spend", "churned"]
        ),
        "t.parquet",
    )
    with pytest.raises(SchemaError, match=r"t\.parquet has no column 'churn'.*mean 'churned'"):
        rows_of(project('data.test = "t.parquet"'))


def test_a_split_that_splits_nothing_is_refused(project: MakeProject) -> None:
    both = 'data.validation = "v.parquet"\ndata.test = "t.parquet"\n[split]\nmethod = "random"'
    with pytest.raises(ConfigError, match="method has nothing to split"):
        read_project(project(both))
