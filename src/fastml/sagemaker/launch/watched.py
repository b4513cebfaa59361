"""What can be waited for: how it says how it stands, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastml.sagemaker.launch.plan import Step

__all__ = ["Watched", "watch", "watched"]


@dataclass(frozen=True, slots=True)
class Watched:
    """A kind of thing that can be waited for.

    Parameters
    ----------
    status : str
        The key of its description that says how it stands.
    good, bad : tuple of str
        The states in which it ends.
    stop : str
        The operation that ends it, if any.
    """

    status: str
    good: tuple[str, ...] = ("Completed",)
    bad: tuple[str, ...] = ("Failed", "Stopped")
    stop: str = ""

    @property
    def ends(self) -> tuple[str, ...]:
        """The states in which it ends, well or not."""
        return (*self.good, *self.bad)

    def how_to_stop(self, step: Step) -> str:
        """Return how one ends it by hand."""
        if not self.stop:
            return ""
        command = self.stop.replace(".", " ").replace("_", "-")
        (name,) = step.request.values()
        option = self.stop.removeprefix("sagemaker.stop_").replace("_", "-")
        return f"; to stop it: aws {command} --{option}-name {name}"


_KINDS = {
    kind: Watched(f"{name}Status", stop=f"sagemaker.stop_{kind}")
    for kind, name in {
        "training_job": "TrainingJob",
        "hyper_parameter_tuning_job": "HyperParameterTuningJob",
        "transform_job": "TransformJob",
        "processing_job": "ProcessingJob",
    }.items()
} | {
    "endpoint": Watched(
        "EndpointStatus", ("InService",), ("Failed", "OutOfService", "UpdateRollbackFailed")
    )
}


def watched(call: str) -> Watched:
    """Return the kind of what an operation such as "sagemaker.describe_endpoint" describes."""
    return _KINDS[call.removeprefix("sagemaker.describe_")]


def watch(
    call: str,
    what: str,
    request: Mapping[str, Any],
    found: Mapping[str, Any] | None = None,
    **expected: str,
) -> list[Step]:
    """Return the step that waits for a thing; none where it has ended well already.

    Parameters
    ----------
    call : str
        The operation that describes it.
    what : str
        For people.
    request : mapping
        Of the operation.
    found : mapping, optional
        Its description, where it is there.
    **expected
        What it must say of itself in the end.
    """
    if found is not None and found[watched(call).status] in watched(call).good:
        return []
    return [Step("wait", what, call, request, expected)]
