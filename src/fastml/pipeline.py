"""`Pipeline`: from a raw table to predictions, as one estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._typing import Float64, PathLike, Task
from fastml.artifact import read_artifact, write_artifact
from fastml.data import Source, scan
from fastml.engine import default_threads, ordered_map
from fastml.errors import ArtifactError, ConfigError, DataError, not_fitted
from fastml.explanation import Contribution, Explanation, explain_model, explain_rows
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.design import Design, DesignBlock
from fastml.preprocessing.conform import find_columns
from fastml.preprocessing.correlation_pruner import CorrelationPruner
from fastml.preprocessing.encode_plan import EncodePlan, infinite_error, too_large_error
from fastml.preprocessing.facts import staged_facts
from fastml.preprocessing.missing_row_dropper import MissingRowDropper
from fastml.preprocessing.one_hot_encoder import OneHotEncoder
from fastml.preprocessing.planning import Steps, plan_features
from fastml.preprocessing.screening import screen
from fastml.preprocessing.simple_imputer import SimpleImputer
from fastml.preprocessing.staging import StagedBlock, Staging, as_floats
from fastml.preprocessing.standard_scaler import StandardScaler
from fastml.preprocessing.weights import check_weight_type, check_weights
from fastml.target import Target, check_target_type, find_target

__all__ = ["Pipeline", "load"]

Learner: TypeAlias = LinearRegression | LogisticRegression


class Pipeline:
    """A model of one column of a table, from the raw rows on.

    `fit` decodes the table once: it learns what each column holds, drops what must not be learned
    from, imputes, scales and encodes, and trains the learner. Every decision can be read
    (`explain`) and overruled.

    Parameters
    ----------
    learner : LogisticRegression or LinearRegression, optional
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
    imputer, scaler, encoder, pruner : estimators of `fastml.preprocessing`, optional
        Default: the mean, to zero mean and unit variance, every category, near-copies dropped.
    rows : MissingRowDropper, optional
        Leaves rows with missing values out of training; default keeps and imputes them.
    infinite : {"error", "missing"}
        What an infinite number is.
    threads : int, optional
        Default: FASTML_THREADS, or every core. The result does not depend on it.

    Attributes
    ----------
    task_ : {"binary", "multiclass", "regression"}
    classes_ : list
        The target's values in order; for a binary target the positive one is last.
    n_rows_ : int
        The rows that were learned from.
    plan_ : EncodePlan
    learner_ : fitted learner
    dropped_ : dict of str to str
        The columns that were left out, and why.
    threshold : float
        From which probability on `predict` says the positive class; 0.5 unless set.
    """

    def __init__(
        self,
        learner: Learner | None = None,
        *,
        target: str | None = None,
        task: Task | None = None,
        positive: Any = None,
        weight: str | None = None,
        drop: Sequence[str] = (),
        keep: Sequence[str] = (),
        imputer: SimpleImputer | None = None,
        scaler: Any = None,
        encoder: OneHotEncoder | None = None,
        pruner: CorrelationPruner | None = None,
        rows: MissingRowDropper | None = None,
        infinite: Literal["error", "missing"] = "error",
        threads: int | None = None,
    ) -> None:
        self.learner = learner
        self.target = target
        self.task = task
        self.positive = positive
        self.weight = weight
        self.drop = drop
        self.keep = keep
        self.imputer = imputer
        self.scaler = scaler
        self.encoder = encoder
        self.pruner = pruner
        self.rows = rows
        self.infinite = infinite
        self.threads = threads
        self.threshold = 0.5

    def __repr__(self) -> str:
        return f"Pipeline({self.learner!r}, target={self.target!r})"

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
        self._check_settings()
        self.__dict__.pop("learner_", None)  # a fit that fails leaves no half of another model
        source = scan(data).canonical()
        columns = self._candidates(source)
        staging = self._first_pass(source, columns)
        self.missing_targets_ = self._seen - staging.n_rows
        target = find_target(
            staging, str(self.target), source.name, self.task, self.positive, self.learner
        )
        for block in staging.blocks:
            block.target = target.codes(block.target)
        facts = staged_facts(staging, source.schema, columns, target.task, self.drop)
        dropped = screen(facts, self.keep, self.drop).dropped
        self.plan_ = plan_features(
            staging, source.schema, self._steps(), dropped, self.keep, source.name
        )
        self.dropped_ = dropped
        learner = self.learner if self.learner is not None else target.default_learner()
        design = self._finish(staging)
        self.target_ = target
        self.n_rows_ = staging.n_rows
        held_out = None if validation is None else self._design(scan(validation))
        self.learner_ = self._train(learner.clone(), design, held_out)
        return self

    def _check_settings(self) -> None:
        if self.target is None:
            raise ConfigError("the pipeline has no target; say which column: target='churn'")
        if self.infinite not in ("error", "missing"):
            raise ConfigError(f"infinite={self.infinite!r}; expected 'error' or 'missing'")
        for setting, columns in (("drop", self.drop), ("keep", self.keep)):
            if isinstance(columns, str):
                raise ConfigError(f"{setting} is the text {columns!r}; expected [{columns!r}]")
        both = set(self.drop) & set(self.keep)
        if both:
            raise ConfigError(f"column {min(both)!r} is both in drop and in keep; choose one")
        if self.target in self.drop:
            raise ConfigError(f"the target {self.target!r} is in drop; take it out")
        if self.target == self.weight:
            raise ConfigError(f"{self.target!r} is both the target and the weight; choose one")

    @property
    def _threads(self) -> int:
        return default_threads() if self.threads is None else self.threads

    def _steps(self) -> Steps:
        return Steps(
            imputer=self.imputer or SimpleImputer(),
            scaler=self.scaler or StandardScaler(),
            encoder=self.encoder or OneHotEncoder(),
            pruner=self.pruner or CorrelationPruner(),
            infinite=self.infinite,
        )

    def _candidates(self, source: Source) -> list[str]:
        named = [str(self.target), *([self.weight] if self.weight else []), *self.drop, *self.keep]
        find_columns(source.schema, named, source.name)
        apart = {self.target, self.weight}
        return [name for name in source.schema.names if name not in apart]

    def _first_pass(self, source: Source, columns: list[str]) -> Staging:
        wanted = [name for name in columns if name not in self.drop]
        extra = [str(self.target), *([self.weight] if self.weight else [])]
        source = source.select([*wanted, *extra])
        check_target_type(source.schema.field(self.target), source.name)
        if self.weight:
            check_weight_type(source.schema.field(self.weight), source.name)
        staging: Staging | None = None
        self._seen = 0
        quantiles = any(
            getattr(step, "needs_quantiles", False) for step in (self.imputer, self.scaler)
        )

        def stage(item: tuple[int, pa.RecordBatch]) -> StagedBlock:
            row, batch = item
            assert staging is not None
            return staging.stage(self._trainable(batch, source.name, row), row)

        def started() -> Iterator[tuple[int, pa.RecordBatch]]:
            nonlocal staging
            for batch in source.blocks():
                if staging is None:
                    staging = Staging(
                        source.schema, wanted, str(self.target), self.weight, batch,
                        quantiles=quantiles,
                    )  # fmt: skip
                yield self._seen, batch
                self._seen += batch.num_rows

        for block in ordered_map(stage, started(), self._threads):
            assert staging is not None
            staging.take(block)
        if staging is None:
            raise DataError(f"{source.name} has no rows; there is nothing to learn from")
        if staging.n_rows == 0:
            raise DataError(
                f"no row of {source.name} has a value in the target {self.target!r}; "
                "name the column that is to be predicted"
            )
        self._check_infinite(staging, source)
        return staging

    def _trainable(self, batch: pa.RecordBatch, where: str, row: int) -> pa.RecordBatch:
        """Leave out the rows that have no target, and those that `rows` does not keep."""
        target = batch.column(self.target)
        known = pc.is_valid(target)
        if pa.types.is_floating(target.type):
            known = pc.and_(known, pc.invert(pc.fill_null(pc.is_nan(target), False)))
        if self.rows is not None:
            known = pc.and_(known, pa.array(self.rows.keep(batch)))
        if self.weight is not None:
            check_weights(batch.column(self.weight), known, self.weight, where, row)
        return batch if pc.all(known).as_py() else batch.filter(known)

    def _check_infinite(self, staging: Staging, source: Source) -> None:
        for i in np.flatnonzero(staging.too_large).tolist():
            column = staging.numeric[i]
            row, value = self._first(source, column, partial(staging.is_too_large, i))
            raise too_large_error(column, value, source.name, row)
        if self.infinite == "missing":
            return
        for i in np.flatnonzero(staging.moments.infinite).tolist():
            column = staging.numeric[i]
            raise infinite_error(column, source.name, self._first(source, column, np.isinf)[0])

    def _first(
        self, source: Source, column: str, wrong: Callable[[Float64], NDArray[np.bool_]]
    ) -> tuple[int | None, float | None]:
        """Return the row and the value of the first wrong number, if the source can be reread."""
        row = 0
        for batch in source.select([column]).batches() if source.rereadable else ():
            values = as_floats(batch.column(0))
            at = np.flatnonzero(wrong(values))
            if len(at):
                return row + int(at[0]) + 1, float(values[at[0]])
            row += len(values)
        return None, None

    def _finish(self, staging: Staging) -> Design:
        def complete(block: StagedBlock) -> DesignBlock:
            done = self.plan_.finish(staging, block)
            done.target = block.target
            if block.weight is not None:
                done.weight = block.weight.astype(np.float32)
            return done

        blocks = list(
            ordered_map(staging.finish(complete), range(len(staging.blocks)), self._threads)
        )
        return Design(blocks, self.plan_.n_dense, self.plan_.n_codes)

    def _train(self, learner: Learner, design: Design, validation: Design | None) -> Learner:
        if isinstance(learner, LogisticRegression):
            classes = list(self.target_.classes)
            return learner.fit_design(
                design, validation=validation, classes=classes, threads=self._threads
            )
        return learner.fit_design(design, validation=validation, threads=self._threads)

    def _design(self, source: Source) -> Design:
        """Encode labelled rows afresh."""
        blocks = []
        for y, block, _ in self._labelled_blocks(source):
            block.target = y.astype(np.float32)
            blocks.append(block)
        return Design(blocks, self.plan_.n_dense, self.plan_.n_codes)

    # -- prediction -------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not hasattr(self, "learner_"):
            raise not_fitted(self)

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

    def _encoded(self, data: Any) -> Iterator[tuple[pa.RecordBatch, DesignBlock]]:
        """Encode the rows of a table, block by block, in order."""
        source = scan(data).canonical()
        find_columns(source.schema, self.plan_.schema.names, source.name)

        def numbered() -> Iterator[tuple[int, pa.RecordBatch]]:
            row = 0
            for batch in source.blocks():
                yield row, batch
                row += batch.num_rows

        def encode(item: tuple[int, pa.RecordBatch]) -> tuple[pa.RecordBatch, DesignBlock]:
            row, batch = item
            return batch, self.plan_.encode(batch, source.name, row)

        return ordered_map(encode, numbered(), self._threads)

    def _scores(self, block: DesignBlock) -> Float64:
        """Return P(positive), the probabilities of the classes, or the predicted number."""
        margins = self.learner_.predict_design(block)
        return self.target_.scores(margins)

    def predict_scores(self, data: Any) -> Iterator[Float64]:
        """Yield the scores of the rows, block by block: for tables larger than memory.

        Yields
        ------
        float64 array of shape (rows,) or (rows, classes)
            P(positive) of a binary model, the probabilities of a multiclass one, or numbers.
        """
        self._check_fitted()
        for _, block in self._encoded(self._needed(scan(data))):
            yield self._scores(block)

    def _needed(self, source: Source, *more: str) -> Source:
        """Select the columns that a prediction needs, before any other is decoded."""
        source = source.canonical()
        wanted = [*self.plan_.schema.names, *more]
        find_columns(source.schema, wanted, source.name)
        return source.select(wanted)

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

    def _labelled_blocks(self, data: Any) -> Iterator[tuple[Float64, DesignBlock, pa.RecordBatch]]:
        source = self._needed(scan(data), str(self.target))
        name = source.name
        for batch, block in self._encoded(source):
            column = batch.column(self.target)
            known = np.asarray(pc.is_valid(column))
            y = self.target_.encode(column, name)
            known &= ~np.isnan(y)
            if not known.all():
                keep = np.flatnonzero(known)
                y, batch = y[keep], batch.take(pa.array(keep))
                block = DesignBlock(block.dense[keep], block.codes[keep])
            yield y, block, batch

    def score_blocks(
        self, data: Any
    ) -> Iterator[tuple[np.ndarray[Any, Any], Float64, pa.RecordBatch]]:
        """Yield truth, scores and rows of a labelled table, block by block, in one pass.

        Yields
        ------
        y : int64 or float64 array of shape (rows,)
            The code of each row's class (binary: 1 is the positive one), or the number.
        scores : float64 array of shape (rows,) or (rows, classes)
        batch : pyarrow.RecordBatch
            The rows; those without a target are left out of all three.
        """
        self._check_fitted()
        for y, block, batch in self._labelled_blocks(data):
            truth = y if self.task_ == "regression" else y.astype(np.int64)
            yield truth, self._scores(block), batch

    # -- explanation ------------------------------------------------------------------------

    def explain(self) -> Explanation:
        """Return what was learned: features with their weights, and what was dropped and why."""
        self._check_fitted()
        return explain_model(self.plan_, self.learner_, self.target_, self.dropped_)

    def explain_row(self, row: Mapping[str, Any]) -> list[Contribution]:
        """Return what each column of one row adds to its score, the largest first.

        Contributions are in units of the margin (log-odds of a classifier), against the average
        training row; they sum to the row's margin less the average one.

        Raises
        ------
        SchemaError
            If the row lacks a column; a value that is not known is given as None.
        """
        self._check_fitted()
        table = pa.Table.from_pylist([dict(row)])
        batch = next(iter(self._needed(scan(table)).blocks()))
        return explain_rows(self.plan_, self.learner_, batch)[0]

    # -- saving -----------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, pa.Table]]:
        """Return what a saved model holds: JSON, and Arrow tables."""
        self._check_fitted()
        plan, tables = self.plan_.state()
        weights, learner = self.learner_.weights_, self.learner_.state()
        tables["weights"] = pa.table(
            {f"lane_{i}": pa.array(lane) for i, lane in enumerate(np.atleast_2d(weights.T))}
        )
        manifest = {
            "kind": "pipeline",
            "target": self.target_.state(),
            "weight": self.weight,
            "threshold": self.threshold,
            "n_rows": self.n_rows_,
            "dropped": self.dropped_,
            "plan": plan,
            "learner": learner,
        }
        return manifest, tables

    @classmethod
    def from_state(cls, manifest: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Pipeline:
        """Restore a model from what `state` returned.

        Raises
        ------
        ArtifactError
            If the parts do not belong together.
        """
        if manifest.get("kind") != "pipeline":
            raise ArtifactError(
                f"the artifact holds a {manifest.get('kind')!r}, not a pipeline; "
                "open it with the tool that wrote it"
            )
        try:
            target = Target.from_state(manifest["target"])
            learner_class = LogisticRegression if target.classes else LinearRegression
            weights = np.column_stack([c.to_numpy() for c in tables["weights"].columns])
            learner = learner_class.from_state(manifest["learner"], weights)
            model = cls(learner, target=target.column, task=target.task, weight=manifest["weight"])
            model.plan_ = EncodePlan.from_state(manifest["plan"], tables)
            model.target_, model.learner_ = target, learner
            model.dropped_, model.n_rows_ = dict(manifest["dropped"]), int(manifest["n_rows"])
            model.threshold = float(manifest["threshold"])
            _check_shapes(model.plan_, target, learner)
        except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ArtifactError(
                f"the artifact's parts do not belong together ({error!r}); save the model again"
            ) from error
        return model

    def save(self, path: PathLike) -> None:
        """Write the model as a directory of JSON and Arrow files; whole or not at all."""
        manifest, tables = self.state()
        write_artifact(path, manifest, tables)

    @classmethod
    def load(cls, path: PathLike) -> Pipeline:
        """Open a saved model.

        Raises
        ------
        ArtifactError
            If there is none, or it is truncated, altered, foreign or of a newer format.
        """
        return cls.from_state(*read_artifact(path))


def _check_shapes(plan: EncodePlan, target: Target, learner: Learner) -> None:
    """Raise a ValueError if the weights are not those of the plan's features and the classes."""
    lanes = len(target.classes) if target.task == "multiclass" else 1
    expected = (plan.n_dense + plan.n_codes, lanes)
    if learner.weights_.shape != expected or learner.intercept_.shape != (lanes,):
        raise ValueError(
            f"weights of shape {learner.weights_.shape} and {learner.intercept_.shape} intercepts, "
            f"expected {expected} and ({lanes},)"
        )


load = Pipeline.load
