"""A table is read for a model as the table that it learned from, whatever rows are in it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from fastml.data import scan
from fastml.errors import DataError, SchemaError
from fastml.workflow.evaluate import evaluate_model
from fastml.workflow.models import Mandate, open_model, save_model
from fastml.workflow.predict import predictions
from fastml.workflow.project import parse_project
from fastml.workflow.run import run

CODES, FLAGS, SHOPS = ["007", "008", "A12"], ["True", "False", "Unknown"], ["1", "2", "3"]
COMBINATIONS = list(itertools.product(CODES, FLAGS, SHOPS, ["0", "5.5"]))
HEADER = "code;flag;shop_id;x"
COLUMNS = ["code", "flag", "shop_id", "x"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on a file with semicolons, where `code` and `flag` are text by a few rows."""
    folder = tmp_path_factory.mktemp("codes")
    rng = np.random.default_rng(2)
    rows = [COMBINATIONS[i] for i in rng.integers(0, len(COMBINATIONS), 1_500)]
    y = [
        ("01" if rng.random() < 0.1 + 0.4 * (row[0] == "007") + 0.4 * (row[1] == "True") else "no")
        for row in rows
    ]
    lines = [f"{HEADER};y", *(";".join([*row, truth]) for row, truth in zip(rows, y, strict=True))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    text = (
        'problem.target = "y"\nproblem.positive = "01"\n'
        'data.source = "table.csv"\ndata.delimiter = ";"\n'
        'data.null_values = ["?"]\ndata.types = { y = "string" }\nfeatures.categorical = ["code"]'
    )
    return run(parse_project(text, folder=folder), out=folder / "run")[1]


def predicted(model: Path, lines: list[str], **stated: Any) -> list[float]:
    file = model.parent / "new.csv"
    file.write_text("\n".join(lines) + "\n")
    pipeline, _ = open_model(model)
    batches = predictions(pipeline, pipeline.scan(file, **stated))
    return [chance for batch in batches for chance in batch["probability_01"].to_pylist()]


def test_a_row_is_predicted_the_same_whatever_rows_are_beside_it(model: Path) -> None:
    rows = [";".join(row) for row in COMBINATIONS]
    together = predicted(model, [HEADER, *rows])
    assert len(set(together)) > 8
    for row, chance in list(zip(rows, together, strict=True))[::7]:
        assert predicted(model, [HEADER, row]) == [chance]


def test_so_does_a_model_that_was_saved_by_itself(model: Path, tmp_path: Path) -> None:
    pipeline, _ = open_model(model)
    pipeline.save(tmp_path / "plain")
    rows = [";".join(row) for row in COMBINATIONS[:4]]
    (tmp_path / "one.csv").write_text("\n".join([HEADER, rows[0]]))
    again, mandate = open_model(tmp_path / "plain")
    assert mandate == Mandate()
    source = again.scan(tmp_path / "one.csv", delimiter=";")
    assert source.schema.field("code").type == source.schema.field("flag").type == pa.string()
    assert again.predict_proba(source)[0, 1] == predicted(model, [HEADER, *rows])[0]


def test_whole_numbers_that_are_categories_are_read_as_numbers(model: Path) -> None:
    plain, as_floats = ([HEADER, f"007;True;{shop};0"] for shop in ("2", "2.0"))
    assert predicted(model, plain) == predicted(model, as_floats)


def test_the_options_of_the_project_are_the_defaults(model: Path) -> None:
    missing = predicted(model, [HEADER, "?;True;1;?"])
    assert missing == predicted(model, [HEADER, ";True;1;"])
    commas = [HEADER.replace(";", ","), "?,True,1,?"]
    assert predicted(model, commas, delimiter=",") == missing
    with pytest.raises(DataError, match="delimiter"):
        predicted(model, commas)


def test_other_formats_take_what_applies(model: Path, tmp_path: Path) -> None:
    pipeline, _ = open_model(model)
    record = dict(zip(COLUMNS, ["007", "True", 1, 0.0], strict=True))
    (tmp_path / "one.json").write_text(json.dumps(record))
    pyarrow.parquet.write_table(pa.Table.from_pylist([record]), tmp_path / "one.parquet")
    expected = predicted(model, [HEADER, "007;True;1;0"])
    for source in (tmp_path / "one.json", str(tmp_path / "one.parquet"), [record]):
        found = pipeline.predict_proba(pipeline.scan(source))
        assert pipeline.predict_proba(source)[:, 1].tolist() == expected
        assert found[:, 1].tolist() == expected


def test_the_truth_is_read_as_the_classes_are(model: Path, tmp_path: Path) -> None:
    (tmp_path / "labelled.csv").write_text(f"{HEADER};y\n007;True;1;0;01\n007;False;1;0;01\n")
    assert evaluate_model(model, tmp_path / "labelled.csv").evaluation.rows == 2
    pipeline, _ = open_model(model)
    save_model(tmp_path / "model", pipeline, Mandate())
    found = evaluate_model(tmp_path / "model", tmp_path / "labelled.csv", {"delimiter": ";"})
    assert found.evaluation.rows == 2


def test_a_column_that_is_lacking_is_named(model: Path) -> None:
    with pytest.raises(SchemaError, match="lacks the column 'code'"):
        predicted(model, ["flag;shop_id;x", "True;1;0"])


@pytest.mark.parametrize("name", ["new.csv", "-"])
def test_the_command_line_reads_so_too(name: str, model: Path) -> None:
    expected = predicted(model, [HEADER, "007;True;1;0"])
    command = [sys.executable, "-c", "from fastml.cli import main; main()"]
    done = subprocess.run(
        [*command, "predict", str(model), name, "--json"],
        cwd=model.parent,
        input=(model.parent / "new.csv").read_bytes(),
        capture_output=True,
        check=True,
    )
    assert [each["probability_01"] for each in json.loads(done.stdout)] == expected


def test_in_python_a_file_is_read_so_too(model: Path, tmp_path: Path) -> None:
    pipeline, _ = open_model(model)
    (tmp_path / "one.csv").write_text(f"{HEADER}\n007;True;1;0\n")
    expected = predicted(model, [HEADER, "007;True;1;0"])
    assert pipeline.predict_proba(tmp_path / "one.csv")[:, 1].tolist() == expected


def test_declared_types_hold_for_json_where_the_column_is_there(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text('{"a": {"day": "2024-01-05"}, "b": 1}')
    source = scan(tmp_path / "new.json", defaults={"types": {"a.day": "string", "c": "string"}})
    assert source.schema.names == ["a.day", "b"]
    assert source.schema.field("a.day").type == pa.string()
