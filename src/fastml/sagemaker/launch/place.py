"""Where a project is launched: its account and region, and how its things are named and tagged."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastml import __version__
from fastml.sagemaker.launch.settings import Settings

__all__ = ["Place", "Request"]

Request = dict[str, Any]
_DIGITS = 8
_PROJECT = "fastml:project"


@dataclass(frozen=True, slots=True)
class Place:
    """Names, tags, addresses and ARNs of one project in one account and region.

    Parameters
    ----------
    name : str
        The project's; every name begins with it.
    account, region : str
    partition : str
        Of the cloud: "aws", "aws-cn", "aws-us-gov".
    suffix : str
        Of its host names.
    settings : Settings
    """

    name: str
    account: str
    region: str
    partition: str
    suffix: str
    settings: Settings

    def arn(self, service: str, thing: str) -> str:
        """Return the ARN of a thing of the account in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{thing}"

    @property
    def role(self) -> str:
        """The ARN of the execution role."""
        stated = self.settings.role
        if stated.startswith("arn:"):
            return stated
        return f"arn:{self.partition}:iam::{self.account}:role/{stated}"

    @property
    def bucket(self) -> str:
        """The bucket: unless stated, the one that SageMaker's SDK takes."""
        return self.settings.bucket or f"sagemaker-{self.region}-{self.account}"

    @property
    def prefix(self) -> str:
        """What the keys of all objects begin with."""
        return (self.settings.prefix or f"fastml/{self.name}").strip("/")

    def uri(self, *parts: str) -> str:
        """Return the address of what lies below the prefix."""
        return "/".join((f"s3://{self.bucket}/{self.prefix}", *parts))

    def key(self, *parts: str) -> str:
        """Return the key of an object below the prefix."""
        return "/".join((self.prefix, *parts))

    @property
    def registry(self) -> str:
        """The host of the account's container registry."""
        return f"{self.account}.dkr.ecr.{self.region}.{self.suffix}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags of everything that is created."""
        own = {_PROJECT: self.name, "fastml:version": __version__}
        return [{"Key": k, "Value": v} for k, v in {**(self.settings.tags or {}), **own}.items()]

    @property
    def mark(self) -> dict[str, str]:
        """The tag by which a thing is known as the project's."""
        return {"Key": _PROJECT, "Value": self.name}

    def named(self, *depends: Any) -> str:
        """Return a name that differs where what it depends on does."""
        return f"{self.name}-{digest(*depends)}"

    def owns(self, name: str) -> bool:
        """Whether a name is one of those that are given here."""
        tried = rf"-[0-9a-f]{{{_DIGITS}}}(-\d+)?"
        return re.fullmatch(re.escape(self.name) + tried, name) is not None

    @property
    def monitoring(self) -> str:
        """The name of the pipeline that monitors, and of its rule."""
        return f"{self.name}-monitor"

    @property
    def retraining(self) -> str:
        """The name of the pipeline that retrains, and of its rule."""
        return f"{self.name}-retrain"

    def ran(self, pipeline: str, name: str) -> bool:
        """Whether a job was started by a pipeline, whose name is the prefix of its jobs' names.

        SageMaker adds the execution, a token and a count.
        """
        return re.match(rf"{re.escape(pipeline)}-[^-]{{{_DIGITS + 1},}}-", name) is not None

    @property
    def vpc(self) -> Request:
        """The key `VpcConfig` of a request, where the project has a network of its own."""
        if not self.settings.subnets:
            return {}
        return {
            "VpcConfig": {
                "Subnets": list(self.settings.subnets),
                "SecurityGroupIds": list(self.settings.security_groups),
            }
        }

    @property
    def owned(self) -> Request:
        """The key of a request that makes sure whose bucket it is.

        The name that SageMaker's SDK takes can be foretold, and taken by others.
        """
        return {} if self.settings.bucket else {"ExpectedBucketOwner": self.account}

    def encrypted(self, name: str) -> Request:
        """Return the key of a request by which it is encrypted, where the project has its own."""
        return {name: self.settings.kms_key} if self.settings.kms_key else {}


def digest(*depends: Any) -> str:
    """Return a few hexadecimal digits that differ where what they depend on does."""
    words = json.dumps(depends, sort_keys=True, default=_plain)
    return hashlib.sha256(words.encode()).hexdigest()[:_DIGITS]


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
