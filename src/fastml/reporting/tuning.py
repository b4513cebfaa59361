"""A search over the settings of the pipeline, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastml.evaluation.metrics import metric
from fastml.evaluation.numbers import how_many
from fastml.model_selection.trials import Trial
from fastml.model_selection.tried import shown
from fastml.reporting.numbers import metric_value
from fastml.reporting.outcome import Tuning
from fastml.reporting.page import Html, table

__all__ = ["settings_words", "tuning_table", "tuning_words"]

_MOST = 40
_ENDS = {"complete": "", "pruned": "given up", "failed": "failed"}


def settings_words(params: Mapping[str, Any]) -> str:
    """Return the settings of a trial as a list."""
    return ", ".join(f"{name} = {shown(value)}" for name, value in params.items())


def tuning_words(tuning: Tuning) -> Iterator[str]:
    """Say in lines what was tried, what came of it and what is chosen."""
    ended = dict.fromkeys(_ENDS, 0)
    for trial in tuning.trials:
        ended[trial.state] += 1
    counts = [f"{tuning.resumed} from the journal"] if tuning.resumed else []
    counts += [f"{n} {words}" for state, words in _ENDS.items() if words and (n := ended[state])]
    of = f" ({', '.join(counts)})" if counts else ""
    yield (
        f"{how_many(len(tuning.trials), 'trial')}{of} in {tuning.seconds:.1f} s; the rows were "
        f"read once, encoded {how_many(tuning.encoded, 'time')} and found encoded "
        f"{how_many(tuning.reused, 'time')}"
    )
    best, given = (metric_value(tuning.scoring, t.score) for t in (tuning.best, tuning.given))
    scores = {t.score for t in tuning.trials if t.state == "complete"}
    if len(tuning.trials) > 1 and scores == {tuning.given.score}:
        yield (
            f"every trial has a {tuning.scoring} of {given} on validation: what was tried makes no "
            "difference"
        )
    elif not scores and tuning.trials:
        yield f"no trial could be trained; the settings are as given, {tuning.scoring} {given}"
    elif not tuning.best.params:
        yield f"no trial beats the settings as given, {tuning.scoring} {given} on validation"
    else:
        yield (
            f"chosen: {settings_words(tuning.best.params)}; {tuning.scoring} {best} on validation, "
            f"{given} as given"
        )


def tuning_table(tuning: Tuning) -> Html:
    """Return the trials, the best first; those that failed with their errors at the end."""
    tried = [t for t in tuning.trials if t.state == "complete" and t is not tuning.best]
    measured = metric(tuning.scoring)
    falls = measured is not None and measured.larger_is_better
    tried.sort(key=lambda trial: trial.score, reverse=falls)
    others = [t for t in tuning.trials if t.state != "complete"]
    own = [] if tuning.best is tuning.given else [tuning.best]
    shown_trials = [*own, tuning.given, *tried, *others][:_MOST]
    return table(
        ("trial", tuning.scoring, "", "seconds", "settings"),
        [
            (
                "as given" if trial.number < 0 else f"{trial.number}",
                "" if trial.state == "failed" else metric_value(tuning.scoring, trial.score),
                _end(trial, tuning),
                f"{trial.seconds:.2f}",
                settings_words(trial.params) or "as given",
            )
            for trial in shown_trials
        ],
        numbers=[1, 3],
    )


def _end(trial: Trial, tuning: Tuning) -> str:
    if trial is tuning.best:
        return "chosen"
    if trial.error:
        return f"failed: {trial.error}"
    return f"as trial {trial.same_as}" if trial.same_as is not None else _ENDS[trial.state]
