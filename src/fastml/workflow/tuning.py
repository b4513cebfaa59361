"""The search over settings as a part of a run: what it tells, and what is kept of it."""

from __future__ import annotations

from fastml.evaluation.numbers import amount, how_many
from fastml.model_selection import Splits
from fastml.model_selection.trials import Trial
from fastml.pipeline import Pipeline
from fastml.reporting.outcome import Tuning
from fastml.reporting.tuning import settings_words, tuning_words
from fastml.workflow.journal import Journal
from fastml.workflow.project import Project

__all__ = ["tuned_pipeline"]


def tuned_pipeline(
    project: Project, pipeline: Pipeline, parts: Splits, journal: Journal
) -> tuple[Pipeline, Tuning]:
    """Return the pipeline with the settings that score best on the validation rows, trained.

    Parameters
    ----------
    project : Project
        With a section [tune].
    pipeline : Pipeline
        As the rest of the project has it.
    parts : Splits
    journal : Journal
    """
    assert project.tune is not None
    search = project.tune.search(pipeline, project.tuning_journal)

    def tell(trial: Trial) -> None:
        if trial.number < 0 and search.resumed_:
            found = how_many(search.resumed_, "trial")
            journal.say(f"going on from {found} of this search in {project.tuning_journal}")
        if trial.state == "failed":
            journal.say(f"{_name(trial)} failed: {trial.error}")
        elif trial is search.best_trial_:
            journal.say(
                f"{_name(trial)}: {search.scoring_} {amount(trial.score)} on validation"
                + (f" with {settings_words(trial.params)}" if trial.params else "")
            )

    try:
        search.fit(parts.train, validation=parts.validation, callback=tell)
    except KeyboardInterrupt:
        journal.say(
            f"interrupted; {how_many(len(search.trials_), 'trial')} are kept in "
            f"{project.tuning_journal}: the same run goes on from them"
        )
        raise
    tuning = Tuning(
        scoring=search.scoring_,
        given=search.given_,
        best=search.best_trial_,
        trials=tuple(search.trials_),
        encoded=search.encoded_,
        reused=search.reused_,
        resumed=search.resumed_,
        seconds=search.seconds_,
    )
    for line in tuning_words(tuning):
        journal.say(line)
    return search.best_pipeline_, tuning


def _name(trial: Trial) -> str:
    return "as given" if trial.number < 0 else f"trial {trial.number}"
