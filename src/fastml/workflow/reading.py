"""Reads a table for a model that is there already: as the table that it learned from was read."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from fastml.data import Source, scan
from fastml.data.bytestreams import OnceFile, compression_of
from fastml.data.csv import CsvOptions
from fastml.data.files import find_files
from fastml.data.formats import canonical_format, format_of, only_tables
from fastml.data.json import JsonOptions
from fastml.pipeline import Pipeline
from fastml.workflow.models import Mandate

__all__ = ["scan_for"]

_OPTIONS = {
    "csv": {each.name for each in fields(CsvOptions)},
    "json": {each.name for each in fields(JsonOptions)},
}
_WHOLE_OR_TRUTH = re.compile(r"0|-?[1-9][0-9]*|true|false")


def scan_for(
    pipeline: Pipeline,
    mandate: Mandate,
    source: Any,
    stated: Mapping[str, Any] | None = None,
    *,
    labelled: bool = False,
) -> Source:
    """Open a table to predict, or with `labelled` to measure a model by.

    What delimited text and JSON do not say themselves is taken from the model: the options of its
    project's [data] section. Columns of delimited text that hold text are read as text, whatever
    the rows at hand look like: `007` alone would be read as the number 7. Packed text on standard
    input is read so only where `stated` says its format.

    Parameters
    ----------
    pipeline, mandate : Pipeline, Mandate
        As `open_model` gives them.
    source : anything that `fastml.scan` takes
    stated : mapping, optional
        Options of `fastml.scan`; they overrule the model's.
    labelled : bool
        Whether the target and the row weights will be read, too.
    """
    stated = dict(stated or {})
    kind = _kind(source, stated.get("format"))
    if kind not in _OPTIONS:
        return scan(source, **stated)
    options = {k: v for k, v in mandate.reading.items() if k in _OPTIONS[kind]}
    types = dict(options.pop("types", {}))
    if kind == "csv":
        types = dict.fromkeys(_text_columns(pipeline), "string") | types
    needed = [*pipeline.input_schema_.names]
    needed += [pipeline.target, pipeline.weight] if labelled else []
    types = {column: types[column] for column in types if column in needed}
    types |= stated.pop("types", {})
    return scan(source, **{**options, **stated, "types": types})


def _kind(source: Any, stated: str | None) -> str | None:
    """Return the format of what is named; None for a table that is no file."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    if stated is not None:
        return canonical_format(stated)
    if source == "-":
        return _kind_of_input()
    path = os.fspath(source)
    files = find_files(path)
    return format_of((only_tables(files, path) if len(files) > 1 else files)[0])


def _kind_of_input() -> str | None:
    """Look at the first bytes on standard input, and leave them there."""
    handle = sys.stdin.buffer
    head = handle.peek(64) if isinstance(handle, io.BufferedReader) else b""
    if not head or compression_of(head):
        return None
    return format_of(OnceFile(io.BytesIO(head), "<stdin>"))


def _text_columns(pipeline: Pipeline) -> list[str]:
    """Return the columns with a category that is not how a whole number or a truth is written.

    They were text when the model was trained. Where all categories are so written, they may have
    been whole numbers, whose text does not depend on how they are written: `7` and `7.0`.
    """
    held: dict[str, list[Any]] = {
        each.column: each.values.to_pylist()
        for each in pipeline.plan_.categorical
        if each.part is None
    }
    if pipeline.target_.text:
        held[pipeline.target_.column] = list(pipeline.target_.classes)
    return [
        column for column, values in held.items() if not all(map(_WHOLE_OR_TRUTH.fullmatch, values))
    ]
