"""The story of one run on the churn table that comes with fastml."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from math import exp
from pathlib import Path
from shlex import quote
from shutil import which
from sysconfig import get_path
from textwrap import fill
from typing import Any

from fastml.data import scan
from fastml.evaluation.threshold import Threshold
from fastml.explanation import Contribution
from fastml.model_selection import split
from fastml.pipeline import Pipeline
from fastml.reporting.numbers import amount, percent
from fastml.reporting.outcome import Outcome
from fastml.reporting.summary import metric_lines
from fastml.workflow.folder import RUNS
from fastml.workflow.ledger import LEDGER
from fastml.workflow.models import open_model
from fastml.workflow.project import Project, read_project

__all__ = ["demo_project", "tell"]

_PROJECT = Path(__file__).parent / "project.toml"
_SHOWN = ("roc_auc", "average_precision", "accuracy", "log_loss", "profit")
_REASONS = 5


def demo_project() -> Project:
    """Return the project of the churn table; its looks are counted beside the user's runs."""
    project = read_project(_PROJECT)
    return replace(project, split=replace(project.split, ledger=str(Path.cwd() / RUNS / LEDGER)))


def tell(project: Project, outcome: Outcome, folder: Path) -> Iterator[str]:
    """Yield the story of a run of the demo project, a paragraph at a time."""
    pipeline, _ = open_model(folder)
    yield _chapter("The question", [str(project.problem.question)])
    yield _chapter("The table", _table(project, outcome))
    yield _chapter("What is left out", _left_out(outcome))
    yield _chapter("The split", [_split(project, outcome)])
    yield _chapter("Training", _training(outcome, pipeline))
    yield _chapter("On customers it never saw", _metrics(outcome))
    yield _chapter("Would a simple rule do?", _baseline(outcome))
    if outcome.threshold is not None:
        yield _chapter("What it earns", _money(project, outcome, outcome.threshold))
    yield _chapter("The gate", _gate(outcome))
    yield _chapter("One customer", _customer(project, pipeline))
    yield _headed("Yours next", _next(project, folder))


def _chapter(title: str, lines: list[str]) -> str:
    return _headed(
        title,
        [
            fill(line, 96, subsequent_indent=" " * (len(line) - len(line.lstrip())))
            for line in lines
        ],
    )


def _headed(title: str, lines: list[str]) -> str:
    return "\n".join([f"\n{title}", "-" * len(title), *lines])


def _table(project: Project, outcome: Outcome) -> list[str]:
    source = scan(project.source)
    first = source.head(1).to_pylist()[0]
    sample = ", ".join(f"{name} = {value}" for name, value in list(first.items())[:6])
    return [
        f"{project.data.source}: {source.count_rows():,} customers of a telephone company, "
        f"{len(source.schema.names)} columns, published with R's modeldata. The first one: "
        f"{sample}, ..., churn = {first['churn']}.",
    ]


def _left_out(outcome: Outcome) -> list[str]:
    dropped = outcome.explanation["dropped"]
    if not dropped:
        return ["Nothing: no identifiers, constants, leaks or near-copies were found."]
    return [f"  {each['column']}: {each['reason']}" for each in dropped]


def _split(project: Project, outcome: Outcome) -> str:
    rows = {name: f"{found.rows:,}" for name, found in outcome.splits.items()}
    return (
        f"{rows['train']} customers to learn from, {rows['validation']} to choose the threshold "
        f"on, {rows['test']} that are looked at once, at the end; the same share of leavers in "
        f"each, the same customers on every run (seed {project.split.seed})."
    )


def _training(outcome: Outcome, pipeline: Pipeline) -> list[str]:
    features = outcome.explanation["features"]
    said = [
        f"A logistic regression on {len(features)} columns, imputed, scaled and encoded in the "
        f"compiled core. The columns that it goes by most:"
    ]
    width = max(len(feature["name"]) for feature in features[:_REASONS])
    largest = features[0]["weight"]
    for feature in features[:_REASONS]:
        bar = "#" * max(1, round(30 * feature["weight"] / largest))
        said.append(f"  {feature['name']:<{width}}  {bar}")
    return said


def _metrics(outcome: Outcome) -> list[str]:
    judged = outcome.judged
    shown = {name: value for name, value in judged.metrics.items() if name in _SHOWN}
    auc = judged.metrics["roc_auc"]
    majority = outcome.baseline.constant.metrics["accuracy"]
    return [
        *metric_lines(shown, judged.intervals),
        f"To say of every customer that they stay is right for {percent(majority)}. The accuracy "
        "is below that on purpose: the threshold was chosen for profit, and a leaver who gets no "
        "offer costs more than an offer given for nothing."
        if judged.metrics["accuracy"] < majority
        else f"To say of every customer that they stay is right for {percent(majority)}.",
        f"Of one leaver and one who stays, it ranks the leaver higher in {percent(auc)} of cases. "
        f"The intervals hold 95 times in 100; they are wide because {judged.rows:,} customers "
        "are few.",
    ]


def _baseline(outcome: Outcome) -> list[str]:
    return [
        f"The best rule of a single column is {outcome.baseline.words}.",
        *(f"  {each.words}" for each in outcome.baseline.comparisons),
    ]


def _money(project: Project, outcome: Outcome, threshold: Threshold) -> list[str]:
    judged, value = outcome.judged, project.problem.value
    assert judged.confusion is not None
    assert value is not None
    earned = judged.metrics["profit"]
    acted = float(judged.confusion[:, 1].sum())
    right = float(judged.confusion[1, 1])
    no_one, everyone = (float(threshold.curve["profit"][end]) for end in (0, -1))
    return [
        f"A kept customer is worth {amount(value.true_positive)}, an offer given for nothing costs "
        f"{amount(-value.false_positive)}. On the validation "
        f"customers an offer pays from a probability of {percent(threshold.threshold)} on.",
        f"On the test customers that is {acted:,.0f} offers, {right:,.0f} of them to customers "
        f"who would leave: {amount(earned * judged.rows)} in all, {amount(earned)} a customer. "
        f"Offers to everyone would have earned {amount(everyone)} a customer on the "
        f"validation rows, offers to no one {amount(no_one)}.",
    ]


def _gate(outcome: Outcome) -> list[str]:
    lines = [
        f"  {'holds' if each.passed else 'FAILS'}  {each.name}: {each.bound}"
        for each in outcome.verdicts
    ]
    verdict = "It passed: every criterion holds." if outcome.passed else "It did not pass."
    return [*lines, verdict]


def _customer(project: Project, pipeline: Pipeline) -> list[str]:
    """Predict for the test customer most at risk, with the reasons."""
    parts = split(scan(project.source), method="stratified", column=project.problem.target)
    customers = parts.test.to_table()
    chances = pipeline.predict_proba(customers)[:, 1]
    most = int(chances.argmax())
    customer = customers.slice(most, 1).to_pylist()[0]
    reasons = pipeline.explain_row(customer)[:_REASONS]
    decision = "make an offer" if chances[most] >= pipeline.threshold else "no offer"
    truth = "left" if customer["churn"] == "yes" else "stayed"
    return [
        f"The test customer most at risk leaves with a probability of {percent(chances[most])}: "
        f"{decision}. (They {truth}.) Against the average customer, because:",
        *(f"  {_reason(each)}" for each in reasons),
    ]


def _reason(reason: Contribution) -> str:
    factor = exp(abs(reason.contribution))
    way = "raises" if reason.contribution > 0 else "lowers"
    return f"{reason.column} = {_plain(reason.value)} {way} the odds {factor:.1f}-fold"


def _plain(value: Any) -> str:
    return amount(value) if isinstance(value, float) else str(value)


def _next(project: Project, folder: Path) -> list[str]:
    """Return what to do next; each command works as printed."""
    fastml = _command()
    return [
        f"The whole report, in a browser: {folder / 'report.html'}",
        "Predictions for every customer of the table:",
        f"  {fastml} predict {quote(str(folder))} {quote(project.source)}",
        "A project file for a table of yours:",
        f"  {fastml} init",
    ]


def _command() -> str:
    """Return how a shell calls this fastml: by its name where that is found, else by its place."""
    script = Path(get_path("scripts")) / "fastml"
    found = which("fastml")
    if found is not None and (not script.exists() or script.samefile(found)):
        return "fastml"
    if script.exists():
        return quote(str(script))
    return f"{quote(sys.executable)} -c 'from fastml.cli import main; main()'"
