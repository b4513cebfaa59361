"""`fastml sagemaker init`, `push`, `train`, ...: a project launched on SageMaker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fastml.cli.app import FAILED_GATE, Debug, Json, command, print_json
from fastml.cli.sagemaker import group
from fastml.errors import ConfigError

if TYPE_CHECKING:
    from fastml.sagemaker import Launcher
    from fastml.sagemaker.launch.plan import Plan

__all__ = [
    "delete",
    "deploy",
    "init",
    "monitor",
    "push",
    "retrain",
    "status",
    "train",
    "transform",
    "tune",
]

Project = Annotated[str, typer.Option("--project", "-p", help="The project file.")]
Region = Annotated[
    str | None, typer.Option("--region", help="Default: [sagemaker] region, else boto3's.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Carry the plan out without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, and do nothing.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it has ended.")]
Stop = Annotated[
    bool, typer.Option("--stop-on-interrupt", help="Ctrl-C stops the job, not the waiting alone.")
]
Job = Annotated[
    str | None, typer.Option("--job", help="A training job; default the last that was completed.")
]
ModelData = Annotated[
    str | None, typer.Option("--model-data", metavar="S3-URI", help="Instead: a model.tar.gz.")
]
_FILE = "project.toml"


@command("init", group)
def init(
    project: Project = _FILE,
    region: Region = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Add a section [sagemaker] to a project file; print the IAM policies and what is missing."""
    from fastml.sagemaker.launch.beginning import add_section

    if add_section(project):
        _tell(f"added a section [sagemaker] to {project}; fill it in")
    found = _launcher(project, region).init()
    if as_json:
        print_json(found.to_dict())
        return
    for name, policy in found.policies.items():
        print(f"# {name}")
        print_json(policy)
    for each in found.missing:
        print(f"missing: {each}")


@command("push", group)
def push(
    image: Annotated[str, typer.Argument(help="The local name of the image.")] = "fastml",
    engine: Annotated[
        str | None, typer.Option("--engine", help="Default docker, else podman.")
    ] = None,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Push the image to the account's registry, which scans it."""
    plan = _launcher(project, region).push(image, engine=engine)
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json)


@command("train", group)
def train(
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A hyperparameter: takes the place of a key of the project. May be repeated.",
        ),
    ] = None,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    stop: Stop = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Upload what is new of project and data, and train; nothing is trained twice."""
    plan = _launcher(project, region).train(_pairs(changes or []))
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json, wait=wait, stop=stop)


@command("tune", group)
def tune(
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    stop: Stop = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Try the settings of [sagemaker.tune] in training jobs side by side."""
    launcher = _launcher(project, region)
    plan = launcher.tune()
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json, wait=wait, stop=stop)
    if wait and not dry_run and (best := launcher.best_job(plan.names["tuning_job"])):
        _tell(f"the best is {best}; fastml sagemaker deploy --job {best}")


@command("deploy", group)
def deploy(
    job: Job = None,
    model_data: ModelData = None,
    despite_gate: Annotated[
        bool, typer.Option("--despite-gate", help="Though it did not meet its criteria.")
    ] = False,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Register a model and put it into service, with alarms that take it back."""
    launcher = _launcher(project, region)
    plan = launcher.deploy(job, model_data=model_data, despite_gate=despite_gate)
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json, wait=wait)


@command("transform", group)
def transform(
    source: Annotated[str, typer.Argument(help="Files, local or in S3.")],
    job: Job = None,
    model_data: ModelData = None,
    accept: Annotated[
        str, typer.Option("--accept", help="The media type of the predictions.")
    ] = "application/jsonlines",
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="Of SOURCE; default by its ending.")
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="Each prediction with its row; JSON Lines alone.")
    ] = False,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    stop: Stop = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the rows of files in a batch transform job."""
    plan = _launcher(project, region).transform(
        source,
        job=job,
        model_data=model_data,
        accept=accept,
        content_type=content_type,
        join=join,
    )
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json, wait=wait, stop=stop)


@command("monitor", group)
def monitor(
    now: Annotated[bool, typer.Option("--now", help="Once, at once; not by the clock.")] = False,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    stop: Stop = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare what the endpoint is asked to the training, by the clock of [sagemaker.monitor]."""
    plan = _launcher(project, region).monitor(now=now)
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json, wait=wait, stop=stop)


@command("retrain", group)
def retrain(
    on_drift: Annotated[
        bool, typer.Option("--on-drift", help="Not now, but whenever monitoring tells of drift.")
    ] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Train nothing; compare the last training job.")
    ] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Deploy the new model if it is better.")
    ] = False,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    stop: Stop = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train on the data as they are now, and compare with the model in service.

    Exit 0 where the new model is better, 3 where it is not.
    """
    if on_drift and (last or promote):
        raise ConfigError("--on-drift sets up what trains later; --last and --promote are for now")
    launcher = _launcher(project, region)
    job = None
    if not last:
        plan = launcher.retrain(on_drift=on_drift)
        if on_drift or dry_run:
            _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json)
            return
        _apply(plan, yes=yes, quiet=as_json, stop=stop)
        job = plan.names["training_job"]
    found = launcher.compare(job)
    _tell(str(found))
    if as_json:
        print_json(found.to_dict())
    if not found.better:
        raise typer.Exit(FAILED_GATE)
    if promote:
        plan = launcher.deploy(found.job)
        if dry_run:
            print(plan, file=sys.stderr if as_json else sys.stdout)
        else:
            _apply(plan, yes=yes, quiet=as_json)


@command("status", group)
def status(
    project: Project = _FILE,
    region: Region = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the endpoint, its alarms, what repeats and the last jobs."""
    found = _launcher(project, region).status()
    if as_json:
        print_json(found.to_dict())
    else:
        print(found)


@command("delete", group)
def delete(
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Also data, models and reports in the bucket.")
    ] = False,
    project: Project = _FILE,
    region: Region = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove the endpoint and all that costs or acts by itself."""
    plan = _launcher(project, region).delete(artifacts=artifacts)
    _carry_out(plan, yes=yes, dry_run=dry_run, as_json=as_json)


def _launcher(project: str, region: str | None) -> Launcher:
    from fastml.sagemaker import Launcher

    return Launcher(project, region=region)


def _carry_out(
    plan: Plan,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    wait: bool = True,
    stop: bool = False,
) -> None:
    """Show a plan and, unless it is for show, carry it out."""
    if not dry_run:
        _apply(plan, yes=yes, quiet=as_json, wait=wait, stop=stop)
    elif not as_json:
        print(plan)
    if as_json:
        print_json(plan.to_dict())


def _apply(plan: Plan, *, yes: bool, quiet: bool, wait: bool = True, stop: bool = False) -> None:
    """Show a plan, ask, and carry it out; what is told on the way goes to standard error."""
    print(plan, file=sys.stderr if quiet else sys.stdout, flush=True)
    if plan.changes and not yes and not _agreed():
        raise ConfigError("nothing was done")
    plan.apply(_tell, wait=wait, stop_on_interrupt=stop)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nothing was done: say --yes to carry the plan out, or --dry-run")
    print("carry this out? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _pairs(changes: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in changes]
    for given, (key, found, _) in zip(changes, pairs, strict=True):
        if not (key and found):
            raise ConfigError(f"--set {given!r}: expected KEY=VALUE")
    return {key: value for key, _, value in pairs}


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
