"""Another kind of learner on the same split, beside the one that a project trains."""

from __future__ import annotations

from time import perf_counter

from fastml.model_selection import Splits
from fastml.reporting.outcome import Beside
from fastml.workflow.judging import Judge, Scored
from fastml.workflow.pipelines import project_pipeline
from fastml.workflow.project import Project

__all__ = ["Rival"]


class Rival:
    """A pipeline that is trained and judged as the project's own, and then forgotten.

    Parameters
    ----------
    kind : str
        Of its learner.
    project : Project
    classifies : bool
        Whether the target holds classes.
    parts : Splits

    Attributes
    ----------
    seconds : float
        What its training took.
    """

    def __init__(self, kind: str, project: Project, classifies: bool, parts: Splits) -> None:
        self.kind, self._parts = kind, parts
        start = perf_counter()
        self._pipeline = project_pipeline(project, kind, classifies)
        self._pipeline.fit(parts.train, validation=parts.validation)
        self.seconds = perf_counter() - start

    def beside(self, judge: Judge, judged: Scored, judged_on: str, seconds: float) -> Beside:
        """Judge it on the rows that the project's model was judged on.

        Parameters
        ----------
        judge : Judge
            Of the project's model.
        judged : Scored
            The rows of `judged_on`, with that model's scores.
        judged_on : {"validation", "test"}
        seconds : float
            What that model's training took.
        """
        own = judge.like(self._pipeline)
        validation = own.score(self._parts.validation)
        own.calibrate(validation)
        own.choose_threshold(validation)
        splits = {"validation": own.evaluate(validation)}
        rows = validation
        if judged_on == "test":
            rows = own.score(self._parts.test)
            splits["test"] = own.evaluate(rows)
        return Beside(
            self.kind,
            repr(self._pipeline.learner_),
            splits,
            (seconds, self.seconds),
            judge.against(own, judged, rows, self.kind),
        )
