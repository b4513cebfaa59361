"""Whose a thing is: what does not bear the project's tag is neither changed nor removed.

A project is called as its folder unless it says otherwise, so that names may meet.
"""

from __future__ import annotations

from fastml.errors import LaunchError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.plan import Step

__all__ = ["check_own", "is_own", "removal"]

_TAGS_OF = {
    "sagemaker": ("sagemaker.list_tags", "ResourceArn"),
    "events": ("events.list_tags_for_resource", "ResourceARN"),
    "cloudwatch": ("cloudwatch.list_tags_for_resource", "ResourceARN"),
}


def is_own(cloud: Cloud, place: Place, arn: str) -> bool:
    """Whether a thing bears the tag of the project."""
    call, key = _TAGS_OF[arn.split(":")[2]]
    return place.mark in cloud.call(call, **{key: arn})["Tags"]


def check_own(cloud: Cloud, place: Place, arn: str, what: str) -> None:
    """Check that a thing that will be changed is the project's.

    Raises
    ------
    LaunchError
        If it is not.
    """
    if not is_own(cloud, place, arn):
        raise LaunchError(
            f"{what} is there, but not of this project: it has no tag fastml:project = "
            f"{place.name}. Give this one another [sagemaker] name"
        )


def removal(cloud: Cloud, place: Place, arn: str, step: Step) -> Step:
    """Return the step that removes a thing, or one that leaves it if it is not the project's."""
    if is_own(cloud, place, arn):
        return step
    return Step("keep", f"{step.what}, but not of this project, and stays")
