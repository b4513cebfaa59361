"""`Pipeline`: from a raw table to predictions, as one estimator."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Float64, PathLike, Task
from fastml.artifact import read_artifact, write_artifact
from fastml.calibration import Method, fit_calibrator
from fastml.compiled.describe import describe
from fastml.data import Source
from fastml.engine import default_threads
from fastml.errors import ConfigError, DataError, not_fitted
from fastml.evaluation.summary import Evaluation, evaluate
from fastml.explanation import Contribution, Explanation, explain_model, explain_rows
from fastml.linear_model.design import DesignBlock
from fastml.model_selection.lane_search import LaneSearch
from fastml.pipeline.fitted import Fitted, Learner
from fastml.pipeline.resampled import metric_intervals, score_intervals
from fastml.pipeline.rows import Labelled, RowReader
from fastml.pipeline.training import train_pipeline
from fastml.preprocessing.correlation_pruner import CorrelationPruner
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.missing_row_dropper import MissingRowDropper
from fastml.preprocessing.one_hot_encoder import OneHotEncoder
from fastml.preprocessing.simple_imputer import SimpleImputer

__all__ = ["Pipeline", "load"]


class Pipeline:
    """A model of one column of a table, from the raw rows on.

    `fit` decodes the table once: it learns what each column holds, drops what must not be learned
    from, imputes, scales and encodes, and trains the learner. Every decision can be read
    (`explain`) and overruled.

    Parameters
    ----------
    learner : LogisticRegression, LinearRegression, BoostedTrees or LaneSearch, optional
        Default: by the target.
    target : str
        The column to predict. Rows without it are left out of training.
    task : {"binary", "multiclass", "regression"}, optional
        Default: by the learner and the target's values.
    positive : object, optional
        The class whose probability a binary model predicts; default the second in order, or the
        one that reads as a yes.
    weight : str, optional
        A column of row weights; it is not a feature.
    drop : sequence of str
        Columns to leave out.
    keep : sequence of str
        Columns to keep whatever is found out about them.
    categorical, numeric : sequence of str
        Columns to read as categories and as numbers; default by type, but whole numbers whose name
        says a code (`store_id`, `month`) are categories, and texts that are dates are dates.
    imputer, scaler, encoder, pruner : estimators of `fastml.preprocessing`, optional
        Default: the mean, to zero mean and unit variance, every category, near-copies dropped.
    bins : int or mapping of column to int, optional
        Cut numbers into so many bins of about equal counts, each with a weight of its own beside
        the number's, so that a line bends: all numbers, or the columns named. From 2 to 256.
    crosses : sequence of sequences of str, or FeatureCrosser
        Columns whose combinations have weights of their own: pairs, such as
        ``[["city", "product"]]``, or more. A number is cut into bins first (`bins`, or 16); of a
        date a part is named: `bought.weekday`. Combinations seen in fewer than 20 rows have none.
    rows : MissingRowDropper, optional
        Leaves rows with missing values out of training; default keeps and imputes them.
    infinite : {"error", "missing"}
        What an infinite number is.
    threads : int, optional
        Default: FASTML_THREADS, or every core. The result does not depend on it.
    memory : number or str, optional
        What the process may hold while it is fitted, in bytes or as ``"1GB"``. Encoded rows that
        have no room lie in a temporary file (in TMPDIR, or /var/tmp), from which training streams
        them: the model is the same. Default: FASTML_MEMORY, or three quarters of what the machine
        or its container has available.
    cache : str or Path, optional
        A file in which the encoded rows are kept. A later fit on the same files with the same
        settings, but for the learner's, begins with them and does not read the table; else they are
        made anew and replace it.

    Attributes
    ----------
    task_ : {"binary", "multiclass", "regression"}
    classes_ : list
        The target's values in order; for a binary target the positive one is last.
    n_rows_, missing_targets_ : int
        The rows that were learned from, and those that were not.
    plan_ : EncodePlan
    learner_ : fitted learner
        Of a `LaneSearch` the one that it found.
    tried_ : Tried or None
        What a `LaneSearch` tried.
    calibrator_ : Calibrator or None
        What every probability goes through, once `calibrate` was called.
    dropped_ : dict of str to str
        The columns that were left out, and why.
    encoded_rows_ : str
        Where the encoded rows lay while the model was trained, in words; not of a saved model.
    threshold : float
        From which probability on `predict` says the positive class; 0.5 unless set.
    reading : dict
        Options of `fastml.scan` with which files of new rows are read, where they are text: set
        it to those of the training file, and it is saved with the model.
    """

    def __init__(
        self,
        learner: Learner | LaneSearch | None = None,
        *,
        target: str | None = None,
        task: Task | None = None,
        positive: Any = None,
        weight: str | None = None,
        drop: Sequence[str] = (),
        keep: Sequence[str] = (),
        categorical: Sequence[str] = (),
        numeric: Sequence[str] = (),
        imputer: SimpleImputer | None = None,
        scaler: Any = None,
        encoder: OneHotEncoder | None = None,
        pruner: CorrelationPruner | None = None,
        bins: int | Mapping[str, int] | None = None,
        crosses: Sequence[Sequence[str]] | FeatureCrosser = (),
        rows: MissingRowDropper | None = None,
        infinite: Literal["error", "missing"] = "error",
        threads: int | None = None,
        memory: float | str | None = None,
        cache: PathLike | None = None,
    ) -> None:
        self.learner = learner
        self.target = target
        self.task = task
        self.positive = positive
        self.weight = weight
        self.drop = drop
        self.keep = keep
        self.categorical = categorical
        self.numeric = numeric
        self.imputer = imputer
        self.scaler = scaler
        self.encoder = encoder
        self.pruner = pruner
        self.bins = bins
        self.crosses = crosses
        self.rows = rows
        self.infinite = infinite
        self.threads = threads
        self.memory = memory
        self.cache = cache
        self.threshold = 0.5
        self.reading: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Pipeline({self.learner!r}, target={self.target!r})"

    def clone(self) -> Self:
        """Return an unfitted copy with the same settings."""
        settings = inspect.signature(type(self).__init__).parameters
        copy = type(self)(**{name: getattr(self, name) for name in settings if name != "self"})
        copy.threshold, copy.reading = self.threshold, dict(self.reading)
        return copy

    # -- training ---------------------------------------------------------------------------

    def fit(self, data: Any, *, validation: Any = None) -> Self:
        """Learn from every row of a table.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
        validation : anything that `fastml.scan` takes, optional
            Rows on which a learner with `patience` watches for the moment to stop.

        Raises
        ------
        SchemaError
            If a column that is named is not there.
        DataError
            If nothing can be learned: no rows, no features left, a target of one class.
        ConfigError
            If settings are unknown or contradict one another.
        """
        self.__dict__.pop("learner_", None)  # a fit that fails leaves no half of another model
        found, self.encoded_rows_ = train_pipeline(self, data, validation, self._threads)
        self.adopt(found)
        return self

    def adopt(self, found: Fitted) -> None:
        """Be the pipeline that has learned this."""
        self.plan_, self.target_, self.learner_ = found.plan, found.target, found.learner
        self.calibrator_, self.tried_ = found.calibrator, found.tried
        self.dropped_, self.n_rows_ = dict(found.dropped), found.n_rows
        self.missing_targets_ = found.missing_targets

    @property
    def _threads(self) -> int:
        return default_threads() if self.threads is None else self.threads

    def calibrate(self, data: Any, method: Method = "platt") -> Self:
        """Learn from rows apart how often the predicted probabilities come true, and correct them.

        From then on every probability is a calibrated one: of `predict_proba`, `predict_scores`,
        `score_blocks` and `evaluate`, and what `predict` holds against `threshold`, which is best
        chosen afterwards. To calibrate again replaces the calibration.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
            Rows with their target that the model was not trained on. Their own metrics flatter
            the model afterwards; judge it on others.
        method : {"platt", "isotonic", "temperature"}
            See `fastml.calibration.fit_calibrator`.

        Raises
        ------
        ConfigError
            If the model predicts numbers, or the method is unknown.
        DataError
            If the rows have no target, or not every class.
        """
        self._check_fitted()
        if self.task_ == "regression":
            raise ConfigError("a regression has no probabilities to calibrate")
        truth, scores, weight = self._judged(data, calibrated=False)
        self.calibrator_ = fit_calibrator(method, truth, scores, weight, classes=self.classes_)
        return self

    # -- prediction -------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not hasattr(self, "learner_"):
            raise not_fitted(self)

    @property
    def _reader(self) -> RowReader:
        return RowReader(self.plan_, self.target_, self.weight, self.reading, self._threads)

    @property
    def task_(self) -> Task:
        """The task, as given or found."""
        self._check_fitted()
        return self.target_.task

    @property
    def classes_(self) -> list[Any]:
        """The target's values, in the order of the columns of `predict_proba`."""
        self._check_fitted()
        return list(self.target_.classes)

    @property
    def positive_(self) -> Any:
        """The class that a binary model predicts the probability of."""
        return self.classes_[-1]

    @property
    def input_schema_(self) -> pa.Schema:
        """The columns that a prediction needs."""
        self._check_fitted()
        return self.plan_.schema

    def _scores(self, block: DesignBlock, *, calibrated: bool = True) -> Float64:
        """Return P(positive), the probabilities of the classes, or the predicted number."""
        scores = self.learner_.predict_scores(block)
        return self.calibrator_(scores) if calibrated and self.calibrator_ is not None else scores

    def predict_scores(self, data: Any) -> Iterator[Float64]:
        """Yield the scores of the rows, block by block: for tables larger than memory.

        Yields
        ------
        float64 array of shape (rows,) or (rows, classes)
            P(positive) of a binary model, the probabilities of a multiclass one, or numbers.
        """
        self._check_fitted()
        reader = self._reader
        for _, block in reader.encoded(reader.needed(data)):
            yield self._scores(block)

    def scores_of(self, batch: pa.RecordBatch, where: str = "the table", row: int = 0) -> Float64:
        """Return the scores of one batch, whose columns may stand in any order.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        where : str
            Its name, for messages.
        row : int
            The number of its first row, for messages.
        """
        self._check_fitted()
        return self._scores(self.plan_.encode(batch, where, row))

    def scan(self, data: Any, **options: Any) -> Source:
        """Open a table of new rows as `fastml.scan` does, read as the training rows were.

        Options of `fastml.scan` apply as `reading` has them, unless stated. And a column of
        delimited text that held text holds it in new rows, too, whatever they look like: `007`
        alone would be read as the number 7.
        """
        self._check_fitted()
        return self._reader.scan(data, **options)

    def predict_proba(self, data: Any) -> Float64:
        """Return the probability of each class, float64 (rows, classes), in order of `classes_`.

        Raises
        ------
        ConfigError
            If the model predicts numbers.
        """
        self._check_fitted()
        if self.task_ == "regression":
            raise ConfigError("a regression has no probabilities; call predict")
        scores = self._all_scores(data)
        return np.column_stack([1.0 - scores, scores]) if scores.ndim == 1 else scores

    def predict_interval(self, data: Any, confidence: float = 0.95) -> tuple[Float64, Float64]:
        """Return intervals of the scores, from the replicates of a learner with `bootstrap`.

        They tell how far the model would move on other training rows; a single outcome varies more.

        Returns
        -------
        low, high : float64 arrays of shape (rows,) or (rows, classes)
            Of P(positive), the probabilities of the classes, or the predicted numbers.

        Raises
        ------
        ConfigError
            If the model has no replicates, or the confidence is not between 0 and 1.
        """
        self._check_fitted()
        reader = self._reader
        blocks = (block for _, block in reader.encoded(reader.needed(data)))
        return score_intervals(self.learner_, self.plan_, blocks, confidence, self.calibrator_)

    def predict(self, data: Any) -> np.ndarray[Any, Any]:
        """Return the predicted value or class of each row, shape (rows,).

        A binary model says the positive class from a probability of `threshold` on.
        """
        return self.decide(self._all_scores(data))

    def decide(self, scores: Float64) -> np.ndarray[Any, Any]:
        """Turn scores into predicted values or classes."""
        return self.target_.decide(scores, self.threshold)

    def _all_scores(self, data: Any) -> Float64:
        parts = list(self.predict_scores(data))
        if parts:
            return np.concatenate(parts)
        return np.empty((0,) if len(self.target_.classes) < 3 else (0, len(self.target_.classes)))

    def score_blocks(
        self, data: Any, *, calibrated: bool = True
    ) -> Iterator[tuple[Labelled, Float64]]:
        """Yield the labelled rows of a table with their scores, block by block, in one pass.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
        calibrated : bool
            False: the learner's own probabilities, whether there is a calibration or not.

        Yields
        ------
        rows : Labelled
            Rows without a target are left out.
        scores : float64 array of shape (rows,) or (rows, classes)
            As `predict_scores` gives them.
        """
        self._check_fitted()
        for rows, block in self._reader.labelled(data):
            yield rows, self._scores(block, calibrated=calibrated)

    def _judged(
        self, data: Any, *, calibrated: bool = True
    ) -> tuple[NDArray[Any], Float64, Float64 | None]:
        """Return the truth, the scores and the weights of all labelled rows."""
        found = list(self.score_blocks(data, calibrated=calibrated))
        if not any(len(scores) for _, scores in found):
            raise DataError(f"no row has a value in the target {self.target!r}; none can be judged")
        weights = [rows.weight for rows, _ in found if rows.weight is not None]
        return (
            np.concatenate([rows.truth for rows, _ in found]),
            np.concatenate([scores for _, scores in found]),
            np.concatenate(weights) if weights else None,
        )

    def evaluate(self, data: Any, **options: Any) -> Evaluation:
        """Measure the model on a labelled table.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
            With the target, and the row weights if the model was trained with some.
        **options
            Of `fastml.evaluation.evaluate`, such as `intervals=False` or `within=[5]`.

        Raises
        ------
        DataError
            If no row has a target.
        """
        return self._measured(*self._judged(data), **options)

    def _measured(
        self, truth: NDArray[Any], scores: Float64, weight: Float64 | None, **options: Any
    ) -> Evaluation:
        return evaluate(
            self.task_,
            truth,
            scores,
            classes=self.classes_ or None,
            threshold=self.threshold,
            sample_weight=weight,
            **options,
        )

    def metric_intervals(
        self, data: Any, confidence: float = 0.95, **options: Any
    ) -> dict[str, tuple[float, float]]:
        """Return how far each metric would move had training and these rows been drawn anew.

        Every replicate of the learner's `bootstrap` is measured on the rows as drawn with
        replacement once for it. (The intervals of `evaluate` are for this model as it is.) Of few
        rows some draws do not define a metric, as where a class is missing: they are left out, and
        a metric that none defines has no interval.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
            Labelled rows, such as those of a test split; read more than once where they are many,
            so give a table or a file.
        confidence : float
        **options
            Of `fastml.evaluation.evaluate`.

        Raises
        ------
        ConfigError
            As of `predict_interval`.
        DataError
            If no row has a target.
        """
        self._check_fitted()

        def measure(truth: NDArray[Any], scores: Float64, weight: Float64) -> dict[str, float]:
            found = self._measured(truth, scores, weight, intervals=False, **options)
            return found.metrics

        def labelled() -> Iterator[tuple[Labelled, DesignBlock]]:
            return self._reader.labelled(data)

        return metric_intervals(self.learner_, labelled, measure, confidence, self.calibrator_)

    # -- explanation ------------------------------------------------------------------------

    def explain(self) -> Explanation:
        """Return what was learned: features with their weights, and what was dropped and why."""
        self._check_fitted()
        return explain_model(
            self.plan_, self.learner_, self.target_, self.dropped_, self.calibrator_
        )

    def explain_row(self, row: Mapping[str, Any]) -> list[Contribution]:
        """Return what each column of one row adds to its score, the largest first.

        Contributions are in units of the margin (log-odds of a classifier), against the average
        training row; they sum to the row's margin less the average one, before any calibration.

        Raises
        ------
        SchemaError
            If the row lacks a column; a value that is not known is given as None.
        """
        self._check_fitted()
        table = pa.Table.from_pylist([dict(row)])
        batch = next(iter(self._reader.needed(table).blocks()))
        return explain_rows(self.plan_, self.learner_, batch)[0]

    # -- saving -----------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, pa.Table]]:
        """Return what a saved model holds: JSON, and Arrow tables."""
        return self.fitted().state()

    def fitted(self) -> Fitted:
        """Return the parts that were learned."""
        self._check_fitted()
        return Fitted(
            target=self.target_,
            weight=self.weight,
            threshold=self.threshold,
            reading=self.reading,
            n_rows=self.n_rows_,
            missing_targets=self.missing_targets_,
            dropped=self.dropped_,
            plan=self.plan_,
            learner=self.learner_,
            calibrator=self.calibrator_,
            tried=self.tried_,
        )

    @classmethod
    def from_state(cls, manifest: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Pipeline:
        """Restore a model from what `state` returned.

        Raises
        ------
        ArtifactError
            If the parts do not belong together.
        """
        found = Fitted.from_state(manifest, tables)
        column, task = found.target.column, found.target.task
        model = cls(found.learner, target=column, task=task, weight=found.weight)
        model.adopt(found)
        model.threshold, model.reading = found.threshold, dict(found.reading)
        return model

    def save(self, path: PathLike) -> None:
        """Write the model as a directory of JSON and Arrow files; whole or not at all."""
        fitted = self.fitted()
        write_artifact(path, *fitted.state(), describe(fitted).to_bytes())

    @classmethod
    def load(cls, path: PathLike) -> Pipeline:
        """Open a saved model: its directory, or that of the run which made it.

        Raises
        ------
        ArtifactError
            If there is none, or it is truncated, altered, foreign or of a newer format.
        """
        return cls.from_state(*read_artifact(path))


load = Pipeline.load
