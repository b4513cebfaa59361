"""A job as a plan: created once under a name that tells what it depends on, and waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Plan, Step
from fastml.sagemaker.launch.watched import watch

__all__ = ["job_plan"]

_GONE = ("Failed", "Stopped", "Stopping")


def job_plan(
    cloud: Cloud,
    place: Place,
    kind: str,
    base: str,
    request: Callable[[str], Request],
    *,
    before: Iterable[Step] = (),
    notes: Iterable[str] = (),
    kept: Iterable[str] = (),
    again: bool = False,
) -> Plan:
    """Return the plan of a job.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    kind : str
        As operations name it: "training_job".
    base : str
        The name of the first attempt.
    request : callable
        Returns the request for a job of a name, but for the name itself and the tags.
    before : iterable of Step
        What the job needs.
    notes, kept : iterable of str
        What to know of a job that will begin, and of one that is there.
    again : bool
        Whether to begin one though such a job has been completed.
    """
    camel = "".join(word.capitalize() for word in kind.split("_"))
    key, status = f"{camel}Name", f"{camel}Status"
    name, found = _attempt(cloud, kind, key, status, base, again=again)
    short = kind.replace("hyper_parameter_", "")
    what = f"{short.replace('_', ' ')} {name}"
    waiting = watch(f"sagemaker.describe_{kind}", what, {key: name}, found)
    names = {short: name}
    if found is not None:
        keep = Step("keep", f"{what} ({found[status]})")
        return Plan((keep, *waiting), cloud, tuple(kept), names)
    whole = {key: name, **request(name), "Tags": place.tags}
    create = Step("create", what, f"sagemaker.create_{kind}", whole)
    return Plan((*before, create, *waiting), cloud, tuple(notes), names)


def _attempt(
    cloud: Cloud, kind: str, key: str, status: str, base: str, *, again: bool
) -> tuple[str, dict[str, Any] | None]:
    """Return the name of a job, and the job if it is there.

    A name is used up even by a job that failed: the next is tried, `NAME-2`.
    """
    name, count = base, 1
    while found := cloud.find(f"sagemaker.describe_{kind}", **{key: name}):
        if found[status] not in _GONE and not (again and found[status] == "Completed"):
            return name, found
        count += 1
        name = f"{base}-{count}"
    return name, None
