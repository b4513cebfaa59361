"""`Launcher`: a project's way to SageMaker and through it, each step as a plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastml._typing import PathLike
from fastml.errors import ConfigError, LaunchError
from fastml.sagemaker.launch.beginning import Beginning, beginning
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.comparing import Comparison, compare
from fastml.sagemaker.launch.deploying import deploy_plan, image_of, served_job
from fastml.sagemaker.launch.image import push_plan
from fastml.sagemaker.launch.overview import Overview, overview
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.plan import Plan, joined
from fastml.sagemaker.launch.removal import delete_plan
from fastml.sagemaker.launch.repeating import monitor_plan, retrain_rule_plan
from fastml.sagemaker.launch.settings import MOST_NAME, Settings, read_launch_settings
from fastml.sagemaker.launch.training import newest_job, task_of, train_plan
from fastml.sagemaker.launch.transforming import transform_plan
from fastml.sagemaker.launch.tuning import tune_plan
from fastml.workflow.project import Project, read_project

__all__ = ["Launcher"]


class Launcher:
    """Launches a project on SageMaker.

    A method asks the cloud how things stand and returns a plan; nothing is created or changed
    before its `apply()`. What was done once is not done again.

    Parameters
    ----------
    project : str or Path
        A project file with a section [sagemaker].
    region : str, optional
        Default that of the section, else the one that boto3 finds.
    session : boto3.Session, optional
    every : float
        Seconds from one look at what is waited for to the next.

    Raises
    ------
    ConfigError
        If boto3 is not installed, or a setting is unknown, missing or does not fit.
    LaunchError
        If there are no credentials.

    Examples
    --------
    >>> launcher = Launcher("project.toml")  # doctest: +SKIP
    >>> plan = launcher.train()  # doctest: +SKIP
    >>> print(plan)  # doctest: +SKIP
    create    training job churn-1a2b3c4d
    wait for  training job churn-1a2b3c4d
    >>> plan.apply()  # doctest: +SKIP
    >>> launcher.deploy().apply()  # doctest: +SKIP
    """

    def __init__(
        self,
        project: PathLike,
        *,
        region: str | None = None,
        session: Any = None,
        every: float = 10.0,
    ) -> None:
        self._project = read_project(project)
        settings = read_launch_settings(self._project.sagemaker)
        self._cloud = Cloud(region or settings.region, session, every=every)
        self._place = _place(self._cloud, self._project, settings)

    @property
    def name(self) -> str:
        """The name of the project, with which all names begin."""
        return self._place.name

    def init(self) -> Beginning:
        """Return the policies of the project, and what its account lacks."""
        return beginning(self._cloud, self._place, self._project)

    def push(self, image: str = "fastml", *, engine: str | None = None) -> Plan:
        """Plan to push a local image to the account's registry.

        Parameters
        ----------
        image : str
            Its local name.
        engine : str, optional
            The program; default docker, else podman.
        """
        return push_plan(self._cloud, self._place, image, engine)

    def train(self, hyperparameters: Mapping[str, str] | None = None) -> Plan:
        """Plan a training job; `hyperparameters` take the place of keys of the project."""
        return train_plan(self._cloud, self._place, self._project, hyperparameters or {})

    def tune(self) -> Plan:
        """Plan a tuning job over [sagemaker.tune], or over the space of [tune]."""
        return tune_plan(self._cloud, self._place, self._project)

    def deploy(
        self,
        job: str | None = None,
        *,
        model_data: str | None = None,
        despite_gate: bool = False,
    ) -> Plan:
        """Plan to put a model into service, and to watch it.

        Parameters
        ----------
        job : str, optional
            The training job of the model; default the last that was completed.
        model_data : str, optional
            Instead: the address of a `model.tar.gz`.
        despite_gate : bool
            Whether to deploy a model that did not meet its success criteria.
        """
        found, data = self._model(job, model_data)
        cloud, place = self._cloud, self._place
        plan = deploy_plan(cloud, place, self._project, found, data, despite_gate=despite_gate)
        if cloud.find("sagemaker.describe_pipeline", PipelineName=place.monitoring) is None:
            return plan
        if not place.settings.endpoint.capture:
            left = f"{place.monitoring} finds nothing new: requests are no longer captured"
            return replace(plan, notes=(*plan.notes, left))
        # What watches the endpoint must know which model it is now.
        return joined([plan, monitor_plan(cloud, place, image_of(cloud, place, found), data)])

    def transform(
        self,
        source: str,
        *,
        job: str | None = None,
        model_data: str | None = None,
        accept: str = "application/jsonlines",
        content_type: str | None = None,
        join: bool = False,
    ) -> Plan:
        """Plan to predict the rows of files, local or in S3; `names["out"]` tells where to.

        Parameters
        ----------
        source : str
        job, model_data : str, optional
            As of `deploy`.
        accept : str
            The media type of the predictions.
        content_type : str, optional
            Of the files; default by the ending of the name.
        join : bool
            Whether each prediction stands with its row (JSON Lines alone).
        """
        found, data = self._model(job, model_data)
        return transform_plan(
            self._cloud,
            self._place,
            image_of(self._cloud, self._place, found),
            data,
            source,
            accept=accept,
            content_type=content_type,
            join=join,
        )

    def monitor(self, *, now: bool = False) -> Plan:
        """Plan to compare what the endpoint is asked to the training: by the clock, or `now`."""
        job = served_job(self._cloud, self._place)
        if job is None:
            raise LaunchError(
                f"no model of a known training is in service at {self.name!r}; deploy one"
            )
        data = job["ModelArtifacts"]["S3ModelArtifacts"]
        image = image_of(self._cloud, self._place, job)
        return monitor_plan(self._cloud, self._place, image, data, now=now)

    def retrain(self, *, on_drift: bool = False) -> Plan:
        """Plan to train again on the data as they are now: at once, or whenever drift is told."""
        if on_drift:
            return retrain_rule_plan(self._cloud, self._place, self._project)
        return train_plan(self._cloud, self._place, self._project, {}, again=True)

    def compare(self, job: str | None = None, *, metric: str | None = None) -> Comparison:
        """Compare the model of a job, default the last, with the one in service."""
        old = served_job(self._cloud, self._place)
        return compare(task_of(self._project), self._job(job), old, metric)

    def best_job(self, tuning_job: str) -> str | None:
        """Return the training job that a tuning job found best so far."""
        found = self._cloud.call(
            "sagemaker.describe_hyper_parameter_tuning_job",
            HyperParameterTuningJobName=tuning_job,
        )
        best = found.get("BestTrainingJob") or {}
        return best.get("TrainingJobName")

    def status(self) -> Overview:
        """Return what there is of the project in the cloud."""
        return overview(self._cloud, self._place)

    def delete(self, *, artifacts: bool = False) -> Plan:
        """Plan to remove the project from the cloud; what it read and made only if asked."""
        return delete_plan(self._cloud, self._place, artifacts=artifacts)

    def _model(self, job: str | None, data: str | None) -> tuple[dict[str, Any] | None, str]:
        """Return the training job of a model, where it is of one, and where the model lies."""
        if data is None:
            found = self._job(job)
            return found, found["ModelArtifacts"]["S3ModelArtifacts"]
        if job is not None:
            raise ConfigError("give a training job or an address of a model, not both")
        if not data.startswith("s3://"):
            raise ConfigError(f"{data}: a model is taken from S3; expected s3://.../model.tar.gz")
        return None, data

    def _job(self, name: str | None) -> dict[str, Any]:
        """Return a training job that was completed, by default the last."""
        if name is None:
            return newest_job(self._cloud, self._place)
        found = self._cloud.call("sagemaker.describe_training_job", TrainingJobName=name)
        status = found["TrainingJobStatus"]
        if status != "Completed":
            raise LaunchError(f"training job {name} is {status}; it has no model")
        return found


def _place(cloud: Cloud, project: Project, settings: Settings) -> Place:
    identity = cloud.call("sts.get_caller_identity")
    partition = cloud.partition
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    name = settings.name or _name_of(project.folder)
    return Place(name, identity["Account"], cloud.region, partition, suffix, settings)


def _name_of(folder: Path) -> str:
    """Return the name of a folder, as jobs may begin with it."""
    found = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return found[:MOST_NAME].strip("-") or "fastml"
