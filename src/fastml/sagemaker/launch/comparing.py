"""Whether a model that was trained is better than the one in service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fastml._typing import Task
from fastml.sagemaker.launch.training import final_metrics
from fastml.sagemaker.metrics import objective

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What speaks for a new model, or against it.

    Parameters
    ----------
    better : bool
    why : str
    job : str
        The training job of the new model.
    """

    better: bool
    why: str
    job: str

    def __str__(self) -> str:
        return f"{self.job} is {'better' if self.better else 'not better'}: {self.why}"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison for machines."""
        return asdict(self)


def compare(
    task: Task,
    new: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    metric: str | None = None,
) -> Comparison:
    """Compare the jobs of two models by one metric, each on its own test rows.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    new : mapping
        The description of a training job.
    old : mapping, optional
        That of the model in service, where there is one.
    metric : str, optional
        Default the one by which models of the task are compared.
    """
    job = new["TrainingJobName"]
    goal = objective(task, metric)
    name = f"test:{goal['MetricName'].partition(':')[2]}"
    found = final_metrics(new)
    if found.get("passed") == 0:
        return Comparison(False, "it did not meet its success criteria", job)
    if old is None:
        return Comparison(True, "no model of a known training is in service", job)
    if old["TrainingJobName"] == job:
        return Comparison(False, "it is in service already", job)
    value, other = found.get(name), final_metrics(old).get(name)
    if value is None or other is None:
        which = job if value is None else old["TrainingJobName"]
        return Comparison(False, f"{which} tells no {name}", job)
    larger = goal["Type"] == "Maximize"
    better = value > other if larger else value < other
    what = "larger" if larger else "smaller"
    return Comparison(
        better,
        f"{name} is {value:.6g}, and was {other:.6g} of {old['TrainingJobName']}, each on its own "
        f"test rows ({what} is better)",
        job,
    )
