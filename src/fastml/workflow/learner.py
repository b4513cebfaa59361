"""The section [learner] of a project file: what is trained, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args

from fastml.calibration import Method
from fastml.errors import ConfigError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.model_selection import LaneSearch, LogUniform
from fastml.model_selection.folds import MOST_FOLDS
from fastml.model_selection.scoring import check_scoring
from fastml.model_selection.search_space import candidates_of
from fastml.preprocessing import FeatureCrosser
from fastml.preprocessing.bending import Bending
from fastml.preprocessing.k_bins_discretizer import MOST_BINS
from fastml.workflow.settings import (
    choice,
    found,
    given,
    number,
    refuse_unknown,
    text,
    texts,
    whole,
)

__all__ = ["Learner", "check_learner", "scoring_name"]


def _class_weight(value: Any, where: str) -> str | dict[str, float]:
    if value == "balanced":
        return "balanced"
    if isinstance(value, dict):
        return {name: number(above=0)(w, f"{where}.{name}") for name, w in value.items()}
    raise ConfigError(
        f'{where}: expected "balanced" or a weight for each class such as {{ yes = 5, no = 1 }}, '
        f"found {value!r}"
    )


def _bins(value: Any, where: str) -> int | dict[str, int]:
    if isinstance(value, dict):
        return {name: _count_of_bins(n, f"{where}.{name}") for name, n in value.items()}
    return _count_of_bins(value, where)


_count_of_bins = whole(at_least=2, at_most=MOST_BINS)


def _crosses(value: Any, where: str) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(each, list) for each in value):
        raise ConfigError(
            f'{where}: expected lists of columns such as [["city", "product"]], found {value!r}'
        )
    crosses = tuple(texts(each, where) for each in value)
    FeatureCrosser(crosses).check_crosses()
    return crosses


def _tune(value: Any, where: str) -> bool | dict[str, Any]:
    """Check for true, or for the values of each parameter that is to be tried."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        raise ConfigError(
            f"{where}: expected true, or what to try such as {{ l2 = [1e-6, 1e-4, 1e-2] }}, "
            f"found {found(value)}"
        )
    candidates_of({name: _values(each, f"{where}.{name}") for name, each in value.items()}, None, 0)
    return value


def _values(value: Any, where: str) -> Any:
    """Return a list of values to try, or what they are drawn from."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        refuse_unknown(value, ("low", "high"), where)
        bounds = [number(above=0)(value.get(key), f"{where}.{key}") for key in ("low", "high")]
        return LogUniform(*bounds)
    raise ConfigError(
        f"{where}: expected a list of values, or bounds such as {{ low = 1e-8, high = 1e-2 }}, "
        f"found {found(value)}"
    )


def scoring_name(value: Any, where: str) -> str:
    """Check for a metric that a search may score by."""
    name = text(value, where)
    try:
        check_scoring(name)
    except ConfigError as fault:
        raise ConfigError(f"{where}: {fault}") from fault
    return name


_KINDS = ("linear", "xgboost")
_BOTH = ("learning_rate", "l2", "l1", "patience")
_LINEAR = (
    "loss", "quantile", "solver", "schedule", "epochs", "batch_size", "max_iter", "tolerance",
    "time_budget", "bins", "crosses", "bootstrap", "tune", "folds", "scoring", "candidates",
)  # fmt: skip
_TREES = ("rounds", "max_depth", "min_child_weight", "subsample")
_SEARCH = ("tune", "folds", "scoring", "candidates")
_KIND_OF = dict.fromkeys(_LINEAR, "linear") | dict.fromkeys(_TREES, "xgboost")


@dataclass(frozen=True, slots=True)
class Learner:
    """What is trained, and how. A key left out takes the learner's own default."""

    kind: Annotated[str, choice(*_KINDS, later={"cnn": "images"})] = "linear"
    compare: Annotated[str | None, choice(*_KINDS)] = None
    loss: Annotated[str | None, choice("squared", "huber", "quantile")] = None
    quantile: Annotated[float | None, number(above=0, below=1)] = None
    solver: Annotated[str | None, choice("auto", "sgd", "lbfgs")] = None
    learning_rate: Annotated[float | None, number(above=0)] = None
    schedule: Annotated[str | None, choice("adaptive", "constant", "invscaling")] = None
    epochs: Annotated[int | None, whole(at_least=1)] = None
    batch_size: Annotated[int | None, whole(at_least=1)] = None
    l2: Annotated[float | None, number(at_least=0)] = None
    l1: Annotated[float | None, number(at_least=0)] = None
    max_iter: Annotated[int | None, whole(at_least=1)] = None
    tolerance: Annotated[float | None, number(above=0)] = None
    patience: Annotated[int | None, whole(at_least=1)] = None
    time_budget: Annotated[float | None, number(above=0)] = None
    class_weight: Annotated[str | dict[str, float] | None, _class_weight] = None
    calibration: Annotated[Method | None, choice(*get_args(Method))] = None
    rounds: Annotated[int | None, whole(at_least=1)] = None
    max_depth: Annotated[int | None, whole(at_least=1)] = None
    min_child_weight: Annotated[float | None, number(at_least=0)] = None
    subsample: Annotated[float | None, number(above=0, at_most=1)] = None
    bins: Annotated[int | dict[str, int] | None, _bins] = None
    crosses: Annotated[tuple[tuple[str, ...], ...], _crosses] = ()

    bootstrap: Annotated[int | None, whole(at_least=2, at_most=100_000)] = None
    tune: Annotated[bool | dict[str, Any] | None, _tune] = None
    folds: Annotated[int | None, whole(at_least=2, at_most=MOST_FOLDS)] = None
    scoring: Annotated[str | None, scoring_name] = None
    candidates: Annotated[int | None, whole(at_least=1)] = None

    def chosen(self, kind: str) -> dict[str, Any]:
        """Return the keys that were given, as arguments of a learner of this kind.

        Those that both kinds have are meant for the one that is trained; `class_weight` for both.
        """
        keys = given(self, "kind", "compare", "calibration", "bins", "crosses", *_SEARCH)
        own = keys if kind == self.kind else {k: v for k, v in keys.items() if k not in _BOTH}
        return {k: v for k, v in own.items() if _KIND_OF.get(k, kind) == kind}

    def search(self, learner: LogisticRegression | LinearRegression) -> LaneSearch:
        """Return the search that `tune` asks for."""
        return LaneSearch(
            learner,
            {name: _values(each, f"[learner] tune.{name}") for name, each in self.tune.items()}
            if isinstance(self.tune, dict)
            else None,
            folds=self.folds,
            scoring=self.scoring,
            n_candidates=self.candidates,
        )

    @property
    def bending(self) -> Bending:
        """The bins and the crosses."""
        return Bending(self.bins, FeatureCrosser(self.crosses))


def check_learner(learner: Learner) -> None:
    """Check that each key is of a kind of learner that is trained, and that none is without use."""
    for key in _SEARCH[1:]:
        if getattr(learner, key) is not None and not learner.tune:
            raise ConfigError(f"[learner] {key} is for a search; ask for one: tune = true")
    tried = learner.tune if isinstance(learner.tune, dict) else {"l2": None}
    for key in tried if learner.tune else ():
        if getattr(learner, key) is not None:
            raise ConfigError(f"[learner] {key} is both stated and tuned; choose one")
    if learner.compare == learner.kind:
        raise ConfigError(f"[learner] compare: {learner.kind!r} is the kind that is trained")
    for key in given(learner):
        kind = _KIND_OF.get(key)
        if kind not in (None, learner.kind, learner.compare) and getattr(learner, key):
            raise ConfigError(
                f"[learner] {key} is for kind = {kind!r}; the kind is {learner.kind!r}"
            )
