"""SageMaker's control plane on this machine: moto's server, and what it lacks.

moto checks the shape of requests and keeps their state. It runs no container: a job has ended as
`ControlPlane` says, at once.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeTrainingJob, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.server import ThreadedMotoServer

ACCOUNT, REGION = "123456789012", "eu-central-1"
PASSED = {"train:roc_auc": 0.86, "validation:roc_auc": 0.84, "test:roc_auc": 0.85, "passed": 1.0}


@dataclass
class ControlPlane:
    """A control plane, and how the next training jobs will end in it."""

    url: str
    metrics: dict[str, float] = field(default_factory=lambda: dict(PASSED))
    status: str = "Completed"
    reason: str | None = None
    stopped: list[str] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    rolls_back: bool = False

    def reset(self) -> None:
        """Forget everything."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request).close()
        self.__init__(self.url)  # type: ignore[misc]

    def end(self, job: FakeTrainingJob) -> None:
        """Let a job end."""
        job.training_job_status = job.secondary_status = self.status
        job.failure_reason = self.reason
        at = job.creation_time
        job.final_metric_data_list = [
            {"MetricName": name, "Value": value, "Timestamp": at}
            for name, value in self.metrics.items()
        ]


@contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """Run a control plane."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    plane = ControlPlane(f"http://{host}:{port}")
    create = SageMakerModelBackend.create_training_job

    def create_training_job(self: SageMakerModelBackend, *args: Any, **named: Any) -> Any:
        definitions = named["algorithm_specification"]["MetricDefinitions"]
        job = create(self, *args, **named)
        job.algorithm_specification["MetricDefinitions"] = definitions  # moto has its own
        plane.end(job)
        return job

    def stop_training_job(self: SageMakerResponse) -> ActionResult:
        name = self._get_param("TrainingJobName")
        job = self.sagemaker_backend.training_jobs[name]
        job.training_job_status = job.secondary_status = "Stopped"
        plane.stopped.append(name)
        return EmptyResult()

    def update_endpoint(self: SageMakerResponse) -> ActionResult:
        backend = self.sagemaker_backend
        name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
        if name not in backend.endpoints:
            raise ValidationError(message=f"Could not find endpoint '{name}'.")
        backend.describe_endpoint_config(config)
        plane.updates.append(json.loads(self.body))
        endpoint = backend.endpoints[name]
        if not plane.rolls_back:
            endpoint.endpoint_config_name = config
        return ActionResult({"EndpointArn": endpoint.arn})

    listed = SageMakerResponse.list_training_jobs

    def list_training_jobs(self: SageMakerResponse) -> ActionResult:
        answer = listed(self)  # in the order of their creation, whatever was asked for
        if self._get_param("SortOrder") == "Descending":
            answer.result["TrainingJobSummaries"].reverse()
        return answer

    added = {
        "stop_training_job": stop_training_job,
        "update_endpoint": update_endpoint,
        "list_training_jobs": list_training_jobs,
    }
    with (
        mock.patch.object(SageMakerModelBackend, "create_training_job", create_training_job),
        mock.patch.multiple(SageMakerResponse, create=True, **added),
    ):
        try:
            yield plane
        finally:
            server.stop()
