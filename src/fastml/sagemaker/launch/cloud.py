"""The one place where the cloud is spoken to.

Credentials are found in boto3's own ways (environment, profile, role of the machine) and are
neither read nor kept here. `AWS_ENDPOINT_URL` leads all calls elsewhere.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastml import __version__
from fastml.errors import ConfigError, LaunchError
from fastml.extras import load_extra
from fastml.sagemaker.launch.engine import show
from fastml.sagemaker.launch.plan import Step
from fastml.sagemaker.launch.watched import watched

__all__ = ["Cloud"]

_ABSENT = ("NotFound", "NoSuch", "404")
_ABSENT_WORDS = (
    "could not find",
    "can't find",
    "does not exist",
    "not found",
    "no scalable target",
)
_ADVICE = {
    "AccessDenied": "whoever launches may not do that; `fastml sagemaker init` prints a policy",
    "UnrecognizedClient": "the credentials are not known; `aws sts get-caller-identity` tests them",
    "ExpiredToken": "the credentials have expired; sign in again",
    "ResourceLimitExceeded": "a quota of the account; ask for more in Service Quotas, or choose "
    "another instance",
    "Throttling": "too many calls, of others too; try again in a minute",
    "ResourceInUse": "it was created meanwhile, or changes just now; run the command again",
    "NoSuchBucket": "`fastml sagemaker init` says how to make it",
    "PassRole": "whoever launches must be allowed iam:PassRole for the role",
}


class _AbsentError(LaunchError):
    """A service knows no such thing."""


class Cloud:
    """Calls services and carries out the steps of a plan.

    Parameters
    ----------
    region : str, optional
        Default the one that boto3 finds.
    session : boto3.Session, optional
    every : float
        Seconds from one look at what is waited for to the next.

    Raises
    ------
    ConfigError
        If boto3 is not installed.
    """

    def __init__(
        self, region: str | None = None, session: Any = None, *, every: float = 10.0
    ) -> None:
        self._session = session or load_extra("boto3").Session(region_name=region)
        self._region = region
        self._every = every
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        """The region of the calls.

        Raises
        ------
        ConfigError
            If none is known.
        """
        found = self._region or self._session.region_name
        if not found:
            raise ConfigError(
                "no region is known; state it in [sagemaker] region, or in AWS_DEFAULT_REGION"
            )
        return str(found)

    @property
    def partition(self) -> str:
        """The partition of the region: "aws", "aws-cn", ..."""
        return str(self._session.get_partition_for_region(self.region))

    def call(self, call: str, /, **request: Any) -> dict[str, Any]:
        """Call an operation, such as "sagemaker.create_training_job".

        Raises
        ------
        LaunchError
            If the service refuses; the message says what to do.
        """
        service, operation = call.split(".")
        with _told(call):
            answer: dict[str, Any] | None = getattr(self._client(service), operation)(**request)
        return answer or {}  # an upload of a file has none

    def find(self, call: str, /, **request: Any) -> dict[str, Any] | None:
        """Call an operation that describes a thing; None where there is no such thing."""
        try:
            return self.call(call, **request)
        except _AbsentError:
            return None

    def pages(self, call: str, key: str, /, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield what lies under `key` in every page of an operation that lists."""
        service, operation = call.split(".")
        with _told(call):
            for page in self._client(service).get_paginator(operation).paginate(**request):
                yield from page.get(key, ())

    def do(self, step: Step, tell: Callable[[str], None], *, stop: bool) -> None:
        """Carry out a step, and tell how it goes."""
        if step.act == "wait":
            self._wait(step, tell, stop=stop)
            return
        if step.call == "engine":
            self._run(step.request["command"])
        else:
            _check_whole(step, self.call(step.call, **step.request))
        tell(f"done: {step}")

    def _run(self, command: Sequence[str]) -> None:
        """Run a command of the engine; a login is given its password where no one sees it."""
        password = None
        if "--password-stdin" in command:
            (given,) = self.call("ecr.get_authorization_token")["authorizationData"]
            token = base64.b64decode(given["authorizationToken"]).decode()
            password = token.partition(":")[2]
        show(command, password)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from botocore.config import Config

            config = Config(
                retries={"mode": "standard", "max_attempts": 8},
                user_agent_extra=f"fastml/{__version__}",
            )
            self._clients[service] = self._session.client(
                service, region_name=self.region, config=config
            )
        return self._clients[service]

    def _wait(self, step: Step, tell: Callable[[str], None], *, stop: bool) -> None:
        """Look at a job or an endpoint until it has ended or serves."""
        kind = watched(step.call)
        said = ""
        try:
            while True:
                found = self.call(step.call, **step.request)
                state = str(found[kind.status])
                now = " ".join(filter(None, (state, str(found.get("SecondaryStatus", "")))))
                if now != said:
                    tell(f"{step.what}: {now}")
                    said = now
                if state in kind.ends:
                    break
                time.sleep(self._every)
        except KeyboardInterrupt as interrupt:
            if kind.stop and stop:
                self.call(kind.stop, **step.request)
                interrupt.add_note(f"{step.what} was told to stop")
            else:
                interrupt.add_note(f"{step.what} goes on in the cloud{kind.how_to_stop(step)}")
            raise
        if state not in kind.good:
            why = found.get("FailureReason") or found.get("SecondaryStatus")
            why = why or "no reason is given; see its log in CloudWatch"
            raise LaunchError(f"{step.what}: {state}: {why}")
        for key, value in step.expected.items():
            if found.get(key) != value:
                raise LaunchError(
                    f"{step.what}: {key} is {found.get(key)}, not {value}: it was rolled back, "
                    "as an alarm told; `fastml sagemaker status` shows which"
                )


def _check_whole(step: Step, answer: Mapping[str, Any]) -> None:
    """Check that a service refused no part of what it was asked: it calls that a success."""
    refused = answer.get("FailedEntries") or answer.get("Errors")
    if refused:
        raise LaunchError(f"{step.call}: {len(refused)} refused of {step.what}: {refused[0]}")


@contextmanager
def _told(call: str) -> Iterator[None]:
    """Turn what boto3 raises into a `LaunchError` that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(call, error.response.get("Error", {})) from error
    except (BotoCoreError, load_extra("boto3").exceptions.Boto3Error) as error:
        raise LaunchError(f"{call}: {error}{_advice(type(error).__name__)}") from error


def _refused(call: str, error: dict[str, Any]) -> LaunchError:
    code, said = str(error.get("Code", "")), str(error.get("Message", ""))
    advice = _advice("PassRole" if "iam:PassRole" in said else code)
    absent = any(words in code for words in _ABSENT)
    absent |= code.startswith("Validation") and any(w in said.lower() for w in _ABSENT_WORDS)
    kind = _AbsentError if absent else LaunchError
    return kind(f"{call}: {code}: {said}{advice}")


def _advice(code: str) -> str:
    if "Credentials" in code or ("Token" in code and "Expired" not in code):
        return "; give boto3 credentials: `aws configure`, a profile (AWS_PROFILE) or a role"
    return next((f"; {words}" for name, words in _ADVICE.items() if code.startswith(name)), "")
