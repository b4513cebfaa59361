"""A plan: what will be done in the cloud, in order, before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

__all__ = ["Act", "Doer", "Plan", "Step", "joined"]

Act = Literal["keep", "create", "update", "upload", "run", "wait", "delete"]
_WORDS = {"keep": "is there", "wait": "wait for"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Parameters
    ----------
    act : str
        "keep" is nothing to do.
    what : str
        The thing, for people: "training job churn-1a2b3c4d".
    call : str
        Service and operation: "sagemaker.create_training_job"; "engine" runs a program.
    request : mapping
        What the operation is asked.
    expected : mapping
        Of "wait": what the thing must say of itself in the end.
    """

    act: Act
    what: str
    call: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{_WORDS.get(self.act, self.act):<9} {self.what}"

    def to_dict(self) -> dict[str, Any]:
        """Return the step for machines."""
        return {
            "act": self.act,
            "what": self.what,
            "call": self.call,
            "request": dict(self.request),
        }


class Doer(Protocol):
    """What carries out steps: `Cloud`, or a test's own."""

    def do(self, step: Step, tell: Callable[[str], None], *, stop: bool) -> None:
        """Carry out a step, and tell how it goes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, and what is to be known of them.

    Parameters
    ----------
    steps : sequence of Step
    doer : Doer
    notes : sequence of str
        What a reader of the plan should know.
    names : mapping of str to str
        What the plan is about: {"training_job": "churn-1a2b3c4d"}.
    """

    steps: tuple[Step, ...]
    doer: Doer
    notes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything will be created, changed or removed."""
        return any(step.act not in ("keep", "wait") for step in self.steps)

    def apply(
        self,
        tell: Callable[[str], None] = print,
        *,
        wait: bool = True,
        stop_on_interrupt: bool = False,
    ) -> None:
        """Carry out the plan.

        Parameters
        ----------
        tell : callable
            Takes lines about how it goes.
        wait : bool
            Whether to wait for the last thing; what other steps need is waited for anyhow.
        stop_on_interrupt : bool
            Whether Ctrl-C ends a job that is waited for; else it goes on without us.

        Raises
        ------
        LaunchError
            If a service refuses a step, or a job or an endpoint that is waited for fails.
        """
        steps = list(self.steps)
        while steps and steps[-1].act == "wait" and not wait:
            steps.pop()
        for step in steps:
            if step.act == "keep":
                continue
            try:
                self.doer.do(step, tell, stop=stop_on_interrupt)
            except KeyboardInterrupt as interrupt:
                if step.act != "wait":  # which says itself what goes on
                    interrupt.add_note(f"this may be half done: {step}; the same command goes on")
                raise

    def __str__(self) -> str:
        lines = [str(step) for step in self.steps] or ["nothing to do"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for machines."""
        return {
            "steps": [step.to_dict() for step in self.steps],
            "notes": list(self.notes),
            "names": dict(self.names),
        }


def joined(plans: Iterable[Plan]) -> Plan:
    """Return plans as one, in their order."""
    plans = list(plans)
    return Plan(
        tuple(step for plan in plans for step in plan.steps),
        plans[0].doer,
        tuple(note for plan in plans for note in plan.notes),
        {name: what for plan in plans for name, what in plan.names.items()},
    )
