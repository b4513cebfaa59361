"""What proposes the settings of the next trial, and the file that trials go on from.

Optuna proposes (extra `tune`), and its journal, lines of JSON, is the file: other tools of Optuna
open it. Each proposal draws from a seed of its own and is a function of that and of the trials
before it, so that a search that goes on from a file is the one that was cut short.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fastml.errors import ConfigError
from fastml.extras import load_extra
from fastml.model_selection.pipeline_space import PipelineSpace
from fastml.model_selection.trials import State, Trial

__all__ = ["Study"]

_STATES: Mapping[State, str] = {
    "complete": "COMPLETE",
    "pruned": "PRUNED",
    "failed": "FAIL",
    "cut": "FAIL",
}


class Study:
    """The trials of a search, and what comes next.

    Parameters
    ----------
    space : PipelineSpace
    larger_is_better : bool
    seed : int
    several : bool
        Whether trials are asked for while others are running.
    journal : path, optional
        A file that finished trials are added to, and that those of the same search are taken from.
    facts : mapping
        What the search depends on, as JSON has it; with the space and the seed it tells a search
        in the file from others.

    Attributes
    ----------
    trials : list of Trial
        Those that are over, in order.

    Raises
    ------
    ConfigError
        If the file cannot be read or written, or is none.
    """

    def __init__(
        self,
        space: PipelineSpace,
        *,
        larger_is_better: bool,
        seed: int,
        several: bool,
        journal: str | os.PathLike[str] | None,
        facts: Mapping[str, Any],
    ) -> None:
        self._optuna = optuna = load_extra("optuna")
        self._space, self._seed, self._several = space, seed, several
        direction = "maximize" if larger_is_better else "minimize"
        with self._quiet():
            self._study = optuna.create_study(direction=direction)
        self.trials: list[Trial] = []
        self._running: dict[int, Any] = {}
        self._journal: Any = None
        if journal is not None:
            told = {"optuna": optuna.__version__, "space": space.words(), "seed": seed, **facts}
            self._path = Path(journal)
            with _writing(self._path):
                self._open(self._path, direction, told)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Keep Optuna from telling of studies that it makes."""
        verbosity = self._optuna.logging.get_verbosity()
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        try:
            yield
        finally:
            self._optuna.logging.set_verbosity(verbosity)

    def _open(self, journal: Path, direction: str, facts: Mapping[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        storages = self._optuna.storages
        try:
            _mend(journal)
            with self._quiet():
                backend = storages.journal.JournalFileBackend(str(journal))
                self._journal = self._optuna.create_study(
                    study_name=f"fastml-{name}",
                    storage=storages.JournalStorage(backend),
                    direction=direction,
                    load_if_exists=True,
                )
            if not self._journal.user_attrs:
                for key, value in facts.items():
                    self._journal.set_user_attr(key, value)
            for each in self._journal.trials:
                if each.state.is_finished():
                    self.trials.append(self._read(each))
                    self._study.add_trial(each)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{journal} is no journal of a search ({error!r}); name another file"
            ) from error

    def _read(self, found: Any) -> Trial:
        """Return a trial of the journal."""
        attributes = found.user_attrs
        state = next(own for own, theirs in _STATES.items() if theirs == found.state.name)
        reports = found.intermediate_values
        score = found.value
        if state == "pruned":
            score = reports[max(reports)]
        return Trial(
            len(self.trials),
            self._space.told(found.params),
            state,
            math.nan if score is None else score,
            attributes["seconds"],
            attributes["error"],
            dict(reports),
            attributes["same_as"],
        )

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Return the number of the next trial, and its settings."""
        number = len(self._study.trials)
        words = np.random.SeedSequence((self._seed, number)).generate_state(1)
        sampler = self._optuna.samplers.TPESampler
        self._study.sampler = sampler(seed=int(words[0]), constant_liar=self._several)
        trial = self._study.ask()
        params = self._space.ask(trial)
        self._running[number] = trial
        return number, params

    def tell(self, trial: Trial) -> None:
        """Take what came of a trial that was asked for."""
        running = self._running.pop(trial.number)
        for n, score in trial.reports.items():
            running.report(score, n)
        for name in ("seconds", "error", "same_as"):
            running.set_user_attr(name, getattr(trial, name))
        state = self._optuna.trial.TrialState[_STATES[trial.state]]
        value = trial.score if trial.state == "complete" else None
        told = self._study.tell(running, value, state=state)
        if trial.state == "cut":
            return
        self.trials.append(trial)
        if self._journal is not None:
            with _writing(self._path):
                self._journal.add_trial(told)


@contextmanager
def _writing(journal: Path) -> Iterator[None]:
    """Tell what keeps a journal from being written."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"the journal {journal} cannot be written: {error.strerror}; name another file, or "
            "free some space: the trials that it has are kept"
        ) from error


def _mend(journal: Path) -> None:
    """Take off a last line that was cut short, to which the next would be added."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    first, _, _ = content.partition(b"\n")
    if content and "op_code" not in json.loads(first):
        raise ValueError("its first line is no operation")
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(journal, whole)
