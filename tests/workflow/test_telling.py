"""What a run tells of itself, printed and in its report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fastml.errors import SchemaError
from fastml.reporting.summary import summary
from fastml.workflow.evaluate import evaluate_model
from fastml.workflow.models import open_model
from fastml.workflow.project import read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]
VALUE = "[problem.value]\ntrue_positive = 50\nfalse_positive = -10\n"


def test_the_majority_is_what_it_says(project: MakeProject) -> None:
    """Where acting pays seldom enough, the rule says yes below one half; the majority does not."""
    outcome, _ = run(read_project(project(VALUE)))
    share = outcome.judged.confusion.sum(axis=1) / outcome.judged.confusion.sum()
    constant = outcome.baseline.constant
    assert constant.metrics["accuracy"] == pytest.approx(share.max())
    assert constant.metrics["profit"] == pytest.approx(max(50 * share[1] - 10 * share[0], 0))
    low, high = constant.intervals["profit"]
    assert low <= constant.metrics["profit"] <= high


def test_row_weights_are_told_wherever_metrics_are(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet")
    pq.write_table(table.append_column("w", pa.array([1.0, 3.0] * 750)), "customers.parquet")
    outcome, folder = run(read_project(project('problem.weight = "w"')))
    assert "On 150 test rows, each counted by 'w', 95% intervals:" in summary(outcome)
    report = (folder / "report.html").read_text()
    for words in (
        "Each row is counted by &#x27;w&#x27;.",
        "each row is counted by &#x27;w&#x27;",
        "Weight (&#x27;w&#x27;) of the rows by true and predicted class",
    ):
        assert words in report
    found = evaluate_model(folder, "customers.parquet")
    assert "1,500 rows of customers.parquet, each counted by 'w':" in str(found)
    assert found.to_dict()["counted_by"] == "w"
    with pytest.raises(SchemaError, match="no column 'w', which says how much each row counts"):
        evaluate_model(folder, table)


def test_rows_without_a_target_are_told(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet")
    spend = pa.array([None if i % 10 == 0 else v for i, v in enumerate(table["spend"].to_pylist())])
    pq.write_table(table.set_column(5, "spend", spend), "customers.parquet")
    outcome, folder = run(read_project(project(target="spend")))
    told = outcome.facts["left out"]
    assert told.endswith("rows to train on without a value in the target 'spend'")
    assert f"left out {told}" in (folder / "run.log").read_text()
    assert "without a value in the target" in (folder / "report.html").read_text()


def test_the_comparison_with_no_ml_is_printed_once(project: MakeProject) -> None:
    outcome, _ = run(read_project(project(VALUE)))
    said = summary(outcome)
    assert len(outcome.baseline.comparisons) == 2
    assert all(said.count(each.words) == 1 for each in outcome.baseline.comparisons)
    assert said.count("Without ML: ") == 1


def test_only_a_chosen_threshold_is_told(project: MakeProject) -> None:
    chosen = "chosen on the validation rows for the greatest profit"
    _, folder = run(read_project(project(VALUE)))
    assert chosen in (folder / "report.html").read_text()
    _, folder = run(read_project(project(target="spend")))
    assert chosen not in (folder / "report.html").read_text()


def test_coefficients_of_several_classes_are_told_with_their_names(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(target="plan")))
    assert outcome.task == "multiclass"
    told = str(open_model(folder)[0].explain())
    line = next(line for line in told.splitlines() if line.strip().startswith("spend"))
    assert all(f"{name} " in line for name in ("free", "basic", "pro"))
    assert re.search(r"pro \+\d\S*, .* a unit", line)
    assert re.search(r"<td>pro \+\d\S*, .* a unit</td>", (folder / "report.html").read_text())


def test_an_explanation_counts_and_weighs_as_people_do(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet").drop_columns(["customer"])
    thousands = pa.array(1000 * table["spend"].to_numpy())
    pq.write_table(table.set_column(4, "spend", thousands), "customers.parquet")
    _, folder = run(read_project(project(target="spend")))
    told = str(open_model(folder)[0].explain()).splitlines()
    assert told[1] == "4 columns, the most telling first:"
    assert re.match(r"  plan +1\d,\d{3}  3 values, from '(basic|free)' -", told[2])
    assert told[-2] == "1 column was left out:"
