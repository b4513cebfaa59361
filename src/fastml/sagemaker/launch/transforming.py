"""Batch transform: predictions of whole files, without an endpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from fastml.errors import ConfigError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.deploying import model_steps
from fastml.sagemaker.launch.inputs import located
from fastml.sagemaker.launch.jobs import job_plan
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Plan

__all__ = ["transform_plan", "transform_request"]

_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonlines",
    ".json": "application/json",
    ".parquet": "application/x-parquet",
    ".arrows": "application/vnd.apache.arrow.stream",
}
_LINES = "application/jsonlines"
_MOST = 100  # megabytes in one request, SageMaker's bound


def transform_plan(
    cloud: Cloud,
    place: Place,
    image: str,
    data: str,
    source: str,
    *,
    accept: str,
    content_type: str | None = None,
    join: bool = False,
) -> Plan:
    """Return the plan that predicts the rows of files.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    image : str
    data : str
        The address of `model.tar.gz`.
    source : str
        Local files or an address in S3.
    accept : str
        The media type of the predictions.
    content_type : str, optional
        Of the files; default by the ending of the name.
    join : bool
        Whether each prediction stands with the row it is of.

    Raises
    ------
    ConfigError
        If the type is not known, or rows of it cannot be joined.
    """
    kind = content_type or _TYPES.get(PurePosixPath(source).suffix)
    if kind is None:
        raise ConfigError(
            f"{source}: what type the files are of is not told by their name; say --content-type"
        )
    model, steps = model_steps(cloud, place, image, data)
    where, uploads = located(cloud, place, source)
    request = transform_request(place, model, where, kind, accept, join=join)
    base = place.named(request)

    def named(name: str) -> Request:
        folder = place.uri("predictions", name)
        return {
            **request,
            "TransformOutput": {**request["TransformOutput"], "S3OutputPath": folder},
        }

    plan = job_plan(cloud, place, "transform_job", base, named, before=[*steps, *uploads])
    out = place.uri("predictions", plan.names["transform_job"])
    return replace(plan, notes=(f"predictions: {out}",), names={**plan.names, "out": out})


def transform_request(
    place: Place, model: str, source: str, kind: str, accept: str, *, join: bool = False
) -> Request:
    """Return the request for a transform job, but for its name.

    Lines of JSON are sent many at a time. A file of another type is sent whole: only the first
    part of a CSV would have the line of names.
    """
    lines = kind == _LINES
    if join and not (lines and accept == _LINES):
        raise ConfigError(
            f"rows of {kind} cannot be joined with their predictions; that is for {_LINES}, both "
            "ways"
        )
    request: Request = {
        "ModelName": model,
        "BatchStrategy": "MultiRecord" if lines else "SingleRecord",
        "MaxPayloadInMB": 6 if lines else _MOST,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "ContentType": kind,
            "SplitType": "Line" if lines else "None",
        },
        "TransformOutput": {
            "S3OutputPath": place.uri("predictions"),
            "Accept": accept,
            "AssembleWith": "Line" if lines else "None",
            **place.encrypted("KmsKeyId"),
        },
        "TransformResources": {
            "InstanceType": place.settings.endpoint.instance,
            "InstanceCount": 1,
            **place.encrypted("VolumeKmsKeyId"),
        },
    }
    if not lines:
        request["MaxConcurrentTransforms"] = 1  # SageMaker's condition for more than 6 MB
    if join:
        request["DataProcessing"] = {"JoinSource": "Input"}
    return request
