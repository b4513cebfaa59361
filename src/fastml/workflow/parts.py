"""The rows to train on, to choose on and to test on: parts of one table, or tables of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from fastml.data import Source, scan
from fastml.errors import SchemaError, did_you_mean
from fastml.model_selection import Splits, split
from fastml.workflow.project import Project
from fastml.workflow.settings import given

__all__ = ["effective_split", "look_at", "project_parts", "split_words"]

_PARTS = ("train", "validation", "test")


def effective_split(project: Project, classifies: bool) -> dict[str, Any]:
    """Return what the split of the source depends on, as arguments of `split`.

    A part that is a table of its own takes no share of the source; the others keep theirs of what
    is left, in proportion.
    """
    settings = given(project.split, "ledger")
    method = settings.setdefault("method", "stratified" if classifies else "random")
    if method == "stratified":
        settings["column"] = project.problem.target
    apart = project.data.apart
    if apart:
        left = sum(settings[part] for part in _PARTS if part not in apart)
        settings |= {p: 0.0 if p in apart else settings[p] / left for p in _PARTS}
    return settings


def project_parts(project: Project, source: Source, settings: Mapping[str, Any]) -> Splits:
    """Return the three parts: those that [data] names, the others split from the source.

    Parameters
    ----------
    project : Project
    source : Source
        Canonical.
    settings : mapping
        As `effective_split` gives them.

    Raises
    ------
    SchemaError
        If a table of its own lacks the target or the column of weights.
    """
    apart = {part: _opened(project, place, source) for part, place in project.data.apart.items()}
    if len(apart) < 2:
        cut = split(source, **settings)
    else:
        cut = Splits(source, source, source, np.zeros(source.count_rows(), np.uint8))
    return Splits(
        cut.train, apart.get("validation", cut.validation), apart.get("test", cut.test), cut.labels
    )


def _opened(project: Project, place: str, source: Source) -> Source:
    """Scan a part, read as the source was: a column that held text there holds it here."""
    options = project.data.options()
    text = [field.name for field in source.schema if _is_text(field.type)]
    found = scan(
        project.address(place),
        format=options.pop("format", None),
        defaults={**options, "text": text},
    ).canonical()
    for column in (project.problem.target, project.problem.weight):
        if column is not None and column not in found.schema.names:
            raise SchemaError(
                f"{found.name} has no column {column!r}, which {source.name} has"
                f"{did_you_mean(column, found.schema.names, listed=True)}"
            )
    return found


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def split_words(project: Project, settings: Mapping[str, Any], parts: Splits) -> str:
    """Say how many rows each part has, and where they are from."""
    apart = project.data.apart
    counts = [int((parts.labels == part).sum()) for part in range(3)]
    said = []
    for part, count, words in zip(
        _PARTS, counts, ("to train on", "to choose on", "to test on"), strict=True
    ):
        if part in apart:
            own: Source = getattr(parts, part)
            said.append(f"{own.count_rows():,} {words} (all of {own.name})")
        else:
            said.append(f"{count:,} {words}")
    said[0] = said[0].replace(" to ", " rows to ", 1)
    return f"{_method(settings) if len(apart) < 2 else 'as given'}: {', '.join(said)}"


def _method(settings: Mapping[str, Any]) -> str:
    by = f" by {settings['column']!r}" if "column" in settings else ""
    return f"{settings['method']}{by}, seed {settings['seed']}"


def look_at(project: Project, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the rows of the test split depend on."""
    if "test" in project.data.apart:
        return {"source": project.absolute(project.data.apart["test"])}
    unused = {"seed"} if settings["method"] == "time" else set()
    rows = {name: value for name, value in sorted(settings.items()) if name not in unused}
    return {"source": project.absolute(project.data.source), **rows}
