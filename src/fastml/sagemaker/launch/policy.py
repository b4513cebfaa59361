"""What the role of the jobs, and whoever launches them, must be allowed; and no more."""

from __future__ import annotations

from typing import Any

from fastml.sagemaker.launch.place import Place

__all__ = ["execution_policy", "launcher_policy", "trust_policy"]

Document = dict[str, Any]
_PIPELINE_JOBS = ("training-job", "processing-job")
_KINDS = (
    *_PIPELINE_JOBS,
    "hyper-parameter-tuning-job",
    "transform-job",
    "model",
    "model-package",
    "model-package-group",
    "endpoint",
    "endpoint-config",
    "pipeline",
)


def trust_policy(place: Place) -> Document:
    """Return who may take the execution role: SageMaker, and EventBridge to start pipelines."""
    services = ["sagemaker.amazonaws.com", "events.amazonaws.com"]
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
        }
    )


def execution_policy(place: Place) -> Document:
    """Return what jobs, endpoints and pipelines of the project do."""
    bucket = f"arn:{place.partition}:s3:::{place.bucket}"
    own = [place.arn("sagemaker", f"{kind}/*{place.name}-*") for kind in _PIPELINE_JOBS]
    statements = [
        _allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
               f"{bucket}/{place.prefix}/*"),
        _allow("s3:ListBucket", bucket,
               StringLike={"s3:prefix": [place.prefix, f"{place.prefix}/*"]}),
        _allow("s3:GetBucketLocation", bucket),
        _allow("ecr:GetAuthorizationToken", "*"),
        _allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
                "ecr:BatchCheckLayerAvailability"],
               place.arn("ecr", f"repository/{place.settings.repository}")),
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
    return _document(*statements, *_asked_for(place))


def launcher_policy(place: Place) -> Document:
    """Return what whoever runs `fastml sagemaker` does."""
    bucket = f"arn:{place.partition}:s3:::{place.bucket}"
    things = [place.arn("sagemaker", f"{kind}/*{place.name}*") for kind in _KINDS]
    repository = place.arn("ecr", f"repository/{place.settings.repository}")
    rules = place.arn("events", f"rule/{place.name}-*")
    return _document(
        _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
               f"{bucket}/{place.prefix}/*"),
        _allow("s3:ListBucket", bucket),
        _allow([f"sagemaker:{verb}*" for verb in
                ("Create", "Describe", "Update", "Delete", "Stop", "AddTags")], things),
        _allow("sagemaker:List*", "*"),
        _allow(["ecr:GetAuthorizationToken", "cloudwatch:DescribeAlarms"], "*"),
        _allow([f"application-autoscaling:{call}" for call in
                ("RegisterScalableTarget", "DeregisterScalableTarget", "DescribeScalableTargets",
                 "PutScalingPolicy", "DescribeScalingPolicies")], "*"),
        _allow(["ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:DescribeImages",
                "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
                "ecr:TagResource"], repository),
        _allow(["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource"],
               place.arn("cloudwatch", f"alarm:{place.name}-*")),
        _allow(["events:PutRule", "events:DescribeRule", "events:PutTargets", "events:TagResource",
                "events:ListTargetsByRule", "events:RemoveTargets", "events:DeleteRule"], rules),
        _allow(["iam:PassRole", "iam:GetRole"], place.role),
        _allow("iam:CreateServiceLinkedRole", "*", StringEquals={
            "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}),
    )  # fmt: skip


def _asked_for(place: Place) -> list[Document]:
    """Return what the settings alone make necessary."""
    settings = place.settings
    found = []
    if settings.kms_key:
        key = settings.kms_key
        arn = key if key.startswith("arn:") else place.arn("kms", f"key/{key}")
        calls = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey",
                 "kms:CreateGrant"]  # fmt: skip
        found.append(_allow(calls, arn))
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
