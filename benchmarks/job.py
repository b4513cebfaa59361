"""What a job is: the same work, done by fastml and by its peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from benchmarks.tables import Layout

__all__ = ["JOBS", "AbsentError", "Job", "Side", "Work", "load_job"]

Figures = Mapping[str, float]
"""What says how well work was done (a loss, rows a second).

Work that is too long to be done whole measures parts, and tells what all of it would take as
"whole_wall_s" and "whole_cpu_s"; its other figures say how much was measured.
"""

Work = Callable[[], Figures | Callable[[], Figures]]
"""What is timed; returns figures, or what finds them once the time is taken."""

Side = Callable[[Path, Layout], Work]
"""Imports what it needs and prepares its input; none of that is timed, all of it is in the peak
of memory. Raises `AbsentError` where it cannot do the work."""


class AbsentError(Exception):
    """A peer that cannot take part, and why."""


JOBS = (
    "end_to_end",
    "regression",
    "statistics",
    "encode",
    "codes",
    "impute_scale",
    "sgd_epoch",
    "batch_solver",
    "sixteen_candidates",
    "cross_validation",
    "grid_search",
    "bootstrap",
    "large_table",
    "out_of_core",
    "wide_model",
)
"""The modules of `benchmarks.jobs`; each defines `JOB`."""


@dataclass(frozen=True)
class Job:
    """One piece of work.

    Parameters
    ----------
    title : str
        What is done, in words.
    table : str
        Which of `benchmarks.tables.TABLES` it is done on.
    sides : mapping of str to Side
        ``"fastml"`` and its peers.
    faster, smaller : mapping of str to float
        How many times the time, and the memory, of fastml a peer is wanted to take at least.
    least, most : mapping of str to float
        Bounds on the figures that fastml's work returns, on the full table.
    slow : set of str
        Peers that do without the quick table: theirs would not be quick.
    threads : int or None
        Cores that each side may use; None for all.
    rounds : int
        Times that each side is run, in turn, on the full table.
    repeats : int
        Times that the work is done in each run; the median counts.
    """

    title: str
    table: str
    sides: Mapping[str, Side]
    faster: Mapping[str, float] = field(default_factory=dict)
    smaller: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    threads: int | None = None
    rounds: int = 3
    repeats: int = 1


def load_job(name: str) -> Job:
    """Return the job of a module of `benchmarks.jobs`."""
    job: Job = import_module(f"benchmarks.jobs.{name}").JOB
    return job
