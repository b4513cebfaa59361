"""What the role of the jobs, and whoever launches them, must be allowed; and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fastml.sagemaker.launch.place import Place

__all__ = ["execution_policy", "launcher_policy", "trust_policy"]

Document = dict[str, Any]
_JOBS = ("training-job", "processing-job", "transform-job", "hyper-parameter-tuning-job")
_SERVICES = ["sagemaker.amazonaws.com", "events.amazonaws.com"]
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
_S3 = "s3://"


def trust_policy(place: Place) -> Document:
    """Return who may take the execution role: SageMaker, and EventBridge to start pipelines."""
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": _SERVICES},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
        }
    )


def execution_policy(place: Place, sources: Iterable[str] = ()) -> Document:
    """Return what jobs, endpoints and pipelines of the project do.

    Parameters
    ----------
    place : Place
    sources : iterable of str
        The addresses of the project's rows; those in S3 are read where they are.
    """
    bucket = _bucket(place, place.bucket)
    own = [place.arn("sagemaker", f"{kind}/{place.name}-*") for kind in _JOBS[:2]]
    statements = [
        _allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
               f"{bucket}/{place.prefix}/*"),
        _allow("s3:ListBucket", bucket,
               StringLike={"s3:prefix": [place.prefix, f"{place.prefix}/*"]}),
        _allow("s3:GetBucketLocation", bucket),
        _allow("ecr:GetAuthorizationToken", "*"),
        _allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
                "ecr:BatchCheckLayerAvailability"],
               _repository(place)),
        _allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
                "logs:DescribeLogStreams"],
               place.arn("logs", "log-group:/aws/sagemaker/*")),
        _allow("cloudwatch:PutMetricData", "*",
               StringLike={"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}),
        _allow("sagemaker:StartPipelineExecution",
               place.arn("sagemaker", f"pipeline/{place.name}-*")),
        _allow(["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob",
                "sagemaker:StopTrainingJob", "sagemaker:CreateProcessingJob",
                "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
                "sagemaker:AddTags"], own),
        _allow("iam:PassRole", place.role,
               StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    ]  # fmt: skip
    return _document(*statements, *_read(place, sources), *_asked_for(place))


def launcher_policy(place: Place) -> Document:
    """Return what whoever runs `fastml sagemaker` does."""
    bucket, name = _bucket(place, place.bucket), place.name
    things = [f"{kind}/{name}-*" for kind in (*_JOBS, "model", "endpoint-config", "pipeline")]
    things += [f"model-package-group/{name}", f"model-package/{name}/*", f"endpoint/{name}"]
    repository = place.arn("ecr", f"repository/{place.settings.repository}")
    rules = place.arn("events", f"rule/{name}-*")
    alarms = [f"alarm:{name}-*", f"alarm:TargetTracking-endpoint/{name}/*"]
    return _document(
        _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
               f"{bucket}/{place.prefix}/*"),
        _allow("s3:ListBucket", bucket),
        _allow([f"sagemaker:{verb}*" for verb in
                ("Create", "Describe", "Update", "Delete", "Stop", "AddTags")],
               [place.arn("sagemaker", thing) for thing in things]),
        _allow("sagemaker:List*", "*"),
        _allow(["ecr:GetAuthorizationToken", "cloudwatch:DescribeAlarms"], "*"),
        _allow([f"application-autoscaling:{call}" for call in
                ("RegisterScalableTarget", "DeregisterScalableTarget", "DescribeScalableTargets",
                 "PutScalingPolicy", "DescribeScalingPolicies")], "*"),
        _allow(["ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:DescribeImages",
                "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
                "ecr:BatchGetImage",
                "ecr:TagResource"], repository),
        _allow(["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource",
                "cloudwatch:ListTagsForResource"],
               [place.arn("cloudwatch", alarm) for alarm in alarms]),
        _allow(["events:PutRule", "events:DescribeRule", "events:PutTargets", "events:TagResource",
                "events:ListTargetsByRule", "events:ListTagsForResource", "events:RemoveTargets",
                "events:DeleteRule"], rules),
        _allow("iam:GetRole", place.role),
        _allow("iam:PassRole", place.role, StringEquals={"iam:PassedToService": _SERVICES}),
        _allow("iam:CreateServiceLinkedRole", "*", StringEquals={
            "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}),
        *_encryption(place),
    )  # fmt: skip


def _bucket(place: Place, name: str) -> str:
    return f"arn:{place.partition}:s3:::{name}"


def _repository(place: Place) -> str:
    """Return the repository of the image of jobs, which may be one of another account."""
    stated = _ECR.match(place.settings.image or "")
    if stated is None:
        return place.arn("ecr", f"repository/{place.settings.repository}")
    account, region, name = stated.groups()
    return f"arn:{place.partition}:ecr:{region}:{account}:repository/{name}"


def _read(place: Place, sources: Iterable[str]) -> list[Document]:
    """Return what lets rows be read that lie elsewhere in S3."""
    found = []
    for source in sources:
        bucket, _, key = source.removeprefix(_S3).partition("?")[0].partition("/")
        if source.startswith(_S3) and bucket:
            arn = _bucket(place, bucket)
            found.append(_allow("s3:GetObject", f"{arn}/{key}*"))
            found.append(_allow("s3:ListBucket", arn, StringLike={"s3:prefix": f"{key}*"}))
    return found


def _encryption(place: Place) -> list[Document]:
    """Return what encrypts and decrypts with the project's own key, if it has one."""
    key = place.settings.kms_key
    if key is None:
        return []
    arn = key if key.startswith("arn:") else place.arn("kms", f"key/{key}")
    calls = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey",
             "kms:CreateGrant"]  # fmt: skip
    return [_allow(calls, arn)]


def _asked_for(place: Place) -> list[Document]:
    """Return what the settings alone make necessary."""
    settings = place.settings
    found = _encryption(place)
    if settings.endpoint.topics:
        found.append(_allow("sns:Publish", sorted(settings.endpoint.topics.values())))
    if settings.subnets:
        calls = ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission",
                 "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
                 "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions",
                 "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"]  # fmt: skip
        found.append(_allow(calls, "*"))
    return found


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: str | list[str], things: str | list[str], **condition: Any) -> Document:
    found: Document = {"Effect": "Allow", "Action": actions, "Resource": things}
    return found | ({"Condition": condition} if condition else {})
