"""`init`: the section [sagemaker] for a project file, and what the account must have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastml._typing import PathLike
from fastml.atomic import atomic_path
from fastml.errors import LaunchError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.policy import execution_policy, launcher_policy, trust_policy
from fastml.workflow.project import Project, read_project

__all__ = ["Beginning", "add_section", "beginning"]

_SECTION = """
[sagemaker]                    # where `fastml sagemaker` launches this project
role = "fastml"                # the execution role, by name or ARN; `init` prints what it may do
# name = "churn"               # what names begin with; default: the name of the file's folder
# region = "eu-central-1"      # default: that of the AWS configuration
# bucket = "my-bucket"         # default: sagemaker-REGION-ACCOUNT
# instance = "ml.m5.xlarge"    # of training jobs
# spot = true                  # cheaper; a training that is cut off goes on
# keep_alive = 1800            # seconds that the instance is kept, and billed, for the next job

# [sagemaker.endpoint]
# kind = "real-time"           # the default | serverless | async
# instance = "ml.m5.large"
# max_count = 4                # grow from `count` instances to this many
# capture = 100                # percent of requests that are kept, to be monitored
# shift = "canary"             # how traffic goes over: all_at_once, the default | canary | linear

# [sagemaker.tune]
# ranges.learner.l2 = { low = 1e-8, high = 1e-2, log = true }
"""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the account must have: policies, and what of it is missing."""

    policies: dict[str, dict[str, Any]]
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {"policies": self.policies, "missing": list(self.missing)}


def add_section(path: PathLike) -> bool:
    """Add a section [sagemaker] to a project file that has none; return whether it was added.

    Raises
    ------
    ConfigError
        If there is no such file, or it is not a project file.
    """
    path = Path(path)
    project = read_project(path)
    if project.sagemaker:
        return False
    with atomic_path(path) as file:
        file.write_text(project.text.rstrip("\n") + "\n" + _SECTION, encoding="utf-8")
    return True


def beginning(cloud: Cloud, place: Place, project: Project) -> Beginning:
    """Return the policies of a project, and what its account lacks."""
    stated = (project.data.source, *project.data.apart.values())
    sources = [project.address(each) for each in stated]
    policies = {
        f"trust policy of the role {place.role}": trust_policy(place),
        "policy of that role": execution_policy(place, sources),
        "policy of whoever launches": launcher_policy(place),
    }
    return Beginning(policies, tuple(_missing(cloud, place)))


def _missing(cloud: Cloud, place: Place) -> Iterator[str]:
    role = place.role.rpartition("/")[2]
    bucket = {"Bucket": place.bucket, **place.owned}
    yield from _absent(
        cloud,
        f"the role {role}: aws iam create-role --role-name {role} "
        "--assume-role-policy-document file://trust.json, and aws iam put-role-policy",
        "iam.get_role",
        RoleName=role,
    )
    yield from _absent(
        cloud,
        f"the bucket {place.bucket}: aws s3 mb s3://{place.bucket} --region {place.region}",
        "s3.head_bucket",
        **bucket,
    )
    if place.settings.image is None:
        name = place.settings.repository
        yield from _absent(
            cloud,
            f"the image: make image, and fastml sagemaker push, into repository {name}",
            "ecr.describe_repositories",
            repositoryNames=[name],
        )


def _absent(cloud: Cloud, what: str, call: str, **request: Any) -> Iterator[str]:
    """Yield what is missing where a call does not find it, or may not look.

    Who may do nothing yet needs the policies most.
    """
    try:
        if cloud.find(call, **request) is None:
            yield what
    except LaunchError as error:
        yield f"perhaps {what} ({error})"
