"""The project file: everything that a run depends on, checked before anything is read."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, cast

from fastml._typing import PathLike, Task
from fastml.errors import ConfigError, did_you_mean
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.threshold_rule import Stated, parse_threshold_rule
from fastml.model_selection import Method as SplitMethod
from fastml.preprocessing import (
    CorrelationPruner,
    MissingRowDropper,
    OneHotEncoder,
    SimpleImputer,
)
from fastml.preprocessing.scalers import SCALERS
from fastml.workflow.learner import Learner, check_learner
from fastml.workflow.ledger import LEDGER
from fastml.workflow.settings import (
    checks_of,
    choice,
    flag,
    given,
    label,
    number,
    read_settings,
    refuse_unknown,
    sign,
    sign_or_none,
    text,
    texts,
    whole,
)
from fastml.workflow.toml import toml_text
from fastml.workflow.tune import JOURNAL, Tune, check_tune
from fastml.workflow.words import value_of

__all__ = [
    "Data",
    "Features",
    "Problem",
    "Project",
    "Split",
    "parse_project",
    "read_project",
    "reading_options",
    "refuse_binary_keys",
]

_PLACES = ("source", "validation", "test")  # keys of [data] that say where, and not how


def _value(table: Any, where: str) -> DecisionValue:
    section = "[problem.value]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected amounts of money, found {table!r}")
    refuse_unknown(table, [each.name for each in fields(DecisionValue)], section)
    for name in ("true_positive", "false_positive"):
        if name not in table:
            raise ConfigError(f"{section} {name} is missing; state what that outcome is worth")
    return DecisionValue(**{k: number()(v, f"{section} {k}") for k, v in table.items()})


def _threshold(value: Any, where: str) -> Stated:
    try:
        parse_threshold_rule(value)
    except ConfigError as fault:
        raise ConfigError(f"{where}: {fault}") from fault
    return cast(Stated, value)


@dataclass(frozen=True, slots=True)
class Problem:
    """The business question and the column that answers it."""

    target: Annotated[str, text]
    question: Annotated[str | None, text] = None
    task: Annotated[
        Task | None, choice("binary", "multiclass", "regression", later={"image": "images"})
    ] = None
    positive: Annotated[str | int | float | bool | None, label] = None
    weight: Annotated[str | None, text] = None
    threshold: Annotated[Stated | None, _threshold] = None
    value: Annotated[DecisionValue | None, _value] = None


def _types(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ConfigError(f'{where}: expected types such as {{ zip = "string" }}, found {value!r}')
    return {column: text(kind, f"{where}.{column}") for column, kind in value.items()}


@dataclass(frozen=True, slots=True)
class Data:
    """Where the table is, and how to read it where its name does not say."""

    source: Annotated[str, text]
    validation: Annotated[str | None, text] = None
    test: Annotated[str | None, text] = None
    format: Annotated[str | None, text] = None
    types: Annotated[dict[str, str] | None, _types] = None
    encoding: Annotated[str | None, text] = None
    null_values: Annotated[tuple[str, ...] | None, texts] = None
    default_nulls: Annotated[bool | None, flag] = None
    delimiter: Annotated[str | None, sign] = None
    quote: Annotated[str | bool | None, sign_or_none] = None
    escape: Annotated[str | bool | None, sign_or_none] = None
    names: Annotated[tuple[str, ...] | None, texts] = None
    skip_rows: Annotated[int | None, whole()] = None
    decimal: Annotated[str | None, sign] = None
    timestamp_formats: Annotated[tuple[str, ...] | None, texts] = None
    records: Annotated[str | None, text] = None

    def options(self) -> dict[str, Any]:
        """Return the keys that were given, as options of `fastml.scan`; false is its None."""
        stated = given(self, *_PLACES)
        none = {name: None for name in ("quote", "escape") if stated.get(name) is False}
        return stated | none

    @property
    def apart(self) -> dict[str, str]:
        """The parts that are tables of their own, and not split from the source."""
        stated = {"validation": self.validation, "test": self.test}
        return {part: place for part, place in stated.items() if place is not None}


@dataclass(frozen=True, slots=True)
class Features:
    """Which columns are learned from, and how they are prepared.

    A key left out takes the default of `fastml.Pipeline` and of its steps.
    """

    drop: Annotated[tuple[str, ...], texts] = ()
    keep: Annotated[tuple[str, ...], texts] = ()
    categorical: Annotated[tuple[str, ...], texts] = ()
    numeric: Annotated[tuple[str, ...], texts] = ()
    impute: Annotated[str | None, choice("mean", "median", "most_frequent")] = None
    missing_indicator: Annotated[bool | None, flag] = None
    drop_missing_rows: Annotated[bool | None, flag] = None
    infinite: Annotated[str | None, choice("error", "missing")] = None
    scale: Annotated[str | None, choice(*SCALERS)] = None
    max_categories: Annotated[int | None, whole(at_least=1)] = None
    min_frequency: Annotated[int | None, whole(at_least=1)] = None
    most_correlated: Annotated[float | None, number(above=0, at_most=1)] = None

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Return the keys that name columns, with the columns."""
        return {k: v for k, v in given(self).items() if isinstance(v, tuple)}

    def arguments(self) -> dict[str, Any]:
        """Return the keys that were given, as arguments of `fastml.Pipeline`."""
        found: dict[str, Any] = dict(self.lists())
        imputer = _stated({"strategy": self.impute, "add_indicator": self.missing_indicator})
        if imputer:
            found["imputer"] = SimpleImputer(**imputer)
        encoder = {"max_categories": self.max_categories, "min_frequency": self.min_frequency}
        found["encoder"] = OneHotEncoder(**_stated(encoder))
        found["pruner"] = CorrelationPruner(**_stated({"threshold": self.most_correlated}))
        if self.scale is not None:
            found["scaler"] = SCALERS[self.scale]()
        if self.drop_missing_rows:
            found["rows"] = MissingRowDropper()
        return found | _stated({"infinite": self.infinite})


def _stated(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in settings.items() if v is not None}


@dataclass(frozen=True, slots=True)
class Split:
    """How the rows are divided between training, validation and test."""

    train: Annotated[float, number(above=0, below=1)] = 0.7
    validation: Annotated[float, number(above=0, below=1)] = 0.2
    test: Annotated[float, number(above=0, below=1)] = 0.1
    seed: Annotated[int, whole()] = 7
    method: Annotated[SplitMethod | None, choice("random", "stratified", "time", "group")] = None
    column: Annotated[str | None, text] = None
    ledger: Annotated[str | None, text] = None


_SECTIONS: dict[str, type] = {
    "problem": Problem,
    "data": Data,
    "features": Features,
    "split": Split,
    "learner": Learner,
    "tune": Tune,
}
_CHECKED_LATER = ("success", "sagemaker")  # sections whose keys are checked where they are used
_LATER = {
    "features": {"derive": "new columns by formula"},
}
_LATER_SECTIONS = {"monitor": "drift monitoring and retraining"}
_HOME = {
    each.name: section
    for section, cls in _SECTIONS.items()
    for each in fields(cls)
    if each.name != "value" and cls is not Tune
}  # a key's section, for files that give keys without one; there `test` is a share of [split]
_MAPPINGS = ("types", "class_weight", "threshold", "bins")  # keys whose value may be a table


@dataclass(frozen=True, slots=True)
class Project:
    """A project file as read.

    `text` is the file word for word; `folder` is where it stands. `sagemaker` is as given: a run
    does not depend on it, and `fastml.sagemaker.launch` checks it.
    """

    problem: Problem
    data: Data
    features: Features = field(default_factory=Features)
    split: Split = field(default_factory=Split)
    learner: Learner = field(default_factory=Learner)
    tune: Tune | None = None
    success: Mapping[str, Any] = field(default_factory=dict)
    sagemaker: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    folder: Path = Path()

    @property
    def source(self) -> str:
        """The data's address: a relative path counts from the project file's folder."""
        return self.address(self.data.source)

    def address(self, place: str) -> str:
        """Return where `place` is: a relative path counts from the project file's folder."""
        return place if "://" in place else str(self.folder / place)

    def absolute(self, place: str) -> str:
        """Return where `place` is, from wherever one looks."""
        return place if "://" in place else str((self.folder / place).resolve())

    @property
    def criteria(self) -> Mapping[str, Any]:
        """The success criteria; where none are stated, that the model is better than no ML."""
        return self.success or {"beats_baseline": True}

    @property
    def ledger(self) -> Path:
        """Where looks at the test split are counted: beside the project file unless stated."""
        return self.folder / (self.split.ledger or LEDGER)

    @property
    def tuning_journal(self) -> Path:
        """Where trials of [tune] are kept: beside the project file unless stated."""
        stated = self.tune.journal if self.tune is not None else None
        return self.folder / (stated or JOURNAL)

    @property
    def checkpoint(self) -> Path:
        """Where training is saved while it goes on: beside the project file."""
        return self.folder / "training.checkpoint"

    @property
    def settings(self) -> str:
        """The settings in effect as a project file, which does the same wherever it stands."""
        stated = {name: getattr(self, name) for name in _SECTIONS}
        sections = {name: given(found) for name, found in stated.items() if found is not None}
        if self.problem.value is not None:
            sections["problem"]["value"] = asdict(self.problem.value)
        for key in ("source", *self.data.apart):
            place = self.address(sections["data"][key])
            sections["data"][key] = place if "://" in place else str(Path(place).absolute())
        sections["split"]["ledger"] = str(self.ledger.absolute())
        if self.tune is not None:
            sections["tune"]["journal"] = str(self.tuning_journal.absolute())
        return toml_text({**sections, "success": self.criteria})

    def with_seed(self, seed: int | None) -> Project:
        """Return the project with another seed of the split."""
        return self if seed is None else replace(self, split=replace(self.split, seed=seed))


def read_project(path: PathLike) -> Project:
    """Read and check a project file.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or a key or value is wrong; the message ends with the
        file's name.
    """
    path = Path(path)
    try:
        words = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no project file {str(path)!r}; `fastml init {path}` writes one to fill in"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the project file {str(path)!r} cannot be read: {error}") from error
    try:
        return parse_project(words, folder=path.parent)
    except ConfigError as error:
        raise ConfigError(f"{error} (in {path})") from error


def parse_project(
    words: str,
    folder: Path = Path(),
    *,
    changes: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> Project:
    """Parse and check the text of a project file; relative paths count from `folder`.

    Parameters
    ----------
    words : str
    folder : Path
    changes : mapping of str to str, optional
        Keys that take the place of the file's, each with its value in words: `epochs` or
        `learner.epochs`, `success.roc_auc.min`. The project's text is then written anew.
    without : collection of str
        Sections to leave out; the text is then written anew.
    """
    try:
        content = tomllib.loads(words)
    except (ValueError, RecursionError) as error:  # whole numbers of over 4,300 digits among them
        raise ConfigError(f"the project file is not TOML: {error}") from error
    tables = {k: v for k, v in _by_section(content).items() if k not in without}
    for key, value in (changes or {}).items():
        _change(tables, key, value)
    sections: dict[str, Any] = {
        name: read_settings(cls, tables.get(name, {}), f"[{name}]", later=_LATER.get(name))
        for name, cls in _SECTIONS.items()
        if cls is not Tune or name in tables
    }
    for name in _CHECKED_LATER:
        sections[name] = tables.get(name, {})
        if not isinstance(sections[name], dict):
            raise ConfigError(f"[{name}]: expected a table, found {sections[name]!r}")
    _check_together(sections["problem"], sections["data"], sections["split"])
    check_learner(sections["learner"])
    if "tune" in sections:
        check_tune(sections["tune"], sections["learner"].kind)
    if changes or without:
        words = toml_text(tables)
    return Project(**sections, text=words, folder=folder)


def _change(tables: dict[str, Any], key: str, words: str) -> None:
    """Put the value of a key that is given in words into its section."""
    section, *path = [_HOME[key], key] if key in _HOME else key.split(".")
    if section not in (*_SECTIONS, "success") or not all(path):
        known = (*_SECTIONS, "success", *_HOME)
        raise ConfigError(f"{key!r} is not a known key{did_you_mean(key, known, listed=True)}")
    check = checks_of(_SECTIONS[section]).get(path[0]) if len(path) == 1 else None
    value = value_of(words, check, f"[{section}] {'.'.join(path)}")
    for name in reversed(path):
        value = {name: value}
    tables[section] = _merged(tables.get(section), value)


def _merged(old: Any, new: Any) -> Any:
    """Return tables as one, where both are; else what is new."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {name: _merged(old.get(name), value) for name, value in new.items()}


def reading_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` pairs as the keys of [data]: options of `fastml.scan`.

    A value is written as in a project file; text may go without quotes.

    Raises
    ------
    ConfigError
        If a pair has no `=`, a key is unknown or a value does not fit.
    """
    checks = checks_of(Data)
    table: dict[str, Any] = {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found or key in _PLACES:
            raise ConfigError(f"--read {pair!r}: expected a key of [data] and its value: KEY=VALUE")
        table[key] = value_of(value, checks.get(key), f"--read {key}")
    return read_settings(Data, {"source": "-", **table}, "--read").options()


def _by_section(content: dict[str, Any]) -> dict[str, Any]:
    """Sort a file's top level into sections: a key given without one goes to its own."""
    known = [*_SECTIONS, *_CHECKED_LATER]
    if not isinstance(content.get("tune", {}), dict):  # the learner's key, and not the section
        known.remove("tune")
    tables: dict[str, Any] = {
        name: dict(table) if isinstance(table, dict) else table
        for name, table in content.items()
        if name in known
    }
    for name, value in content.items():
        if name in known:
            continue
        if name in _LATER_SECTIONS:
            raise ConfigError(
                f"[{name}] is not yet available ({_LATER_SECTIONS[name]}); leave it out"
            )
        if name not in _HOME or (isinstance(value, dict) and name not in _MAPPINGS):
            raise ConfigError(
                f"{name!r} is not a known key{did_you_mean(name, (*known, *_HOME), listed=True)}"
            )
        table = tables.setdefault(_HOME[name], {})
        if name in table:
            raise ConfigError(f"{name!r} is given twice: at the top and in [{_HOME[name]}]")
        table[name] = value
    return tables


def _check_together(problem: Problem, data: Data, split: Split) -> None:
    """Check what no single key can be blamed for."""
    total = split.train + split.validation + split.test
    if abs(total - 1) > 1e-9:
        raise ConfigError(
            f"[split] train, validation and test sum to {total:g}; they must sum to 1 "
            f"(found {split.train:g}, {split.validation:g} and {split.test:g})"
        )
    if len(data.apart) == 2 and split.method is not None:
        raise ConfigError(
            "[split] method has nothing to split: [data] names tables for validation and test; "
            "leave one of them out"
        )
    if split.method in ("time", "group") and split.column is None:
        raise ConfigError(
            f'[split] method = {split.method!r} needs the column to split by: column = "..."'
        )
    if split.column is not None and split.method not in ("time", "group"):
        raise ConfigError('[split] column is used by method = "time" or "group" alone')
    if problem.threshold == "profit" and problem.value is None:
        raise ConfigError(
            '[problem] threshold = "profit" needs what a decision is worth; state [problem.value]'
        )
    if problem.task not in (None, "binary"):
        refuse_binary_keys(problem, f"the task is {problem.task}")


def refuse_binary_keys(problem: Problem, why: str) -> None:
    """Raise a `ConfigError` if a key is given that a binary task alone has."""
    for key in ("value", "threshold", "positive"):
        if getattr(problem, key) is not None:
            raise ConfigError(f"[problem] {key} is for a binary task; {why}")
