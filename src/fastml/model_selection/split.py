"""Splits a source into train, validation and test; the same split on every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml.data import Source
from fastml.errors import ConfigError, DataError, SchemaError, did_you_mean
from fastml.model_selection.assignment import (
    Labels,
    Shares,
    by_group,
    by_time,
    randomly,
    stratified,
)

__all__ = ["Method", "Splits", "assign_splits", "split"]

Method: TypeAlias = Literal["random", "stratified", "time", "group"]


@dataclass(frozen=True, slots=True)
class Splits:
    """A source in three parts.

    Attributes
    ----------
    train, validation, test : Source
    labels : (n,) uint8
        Each row's part: 0 train, 1 validation, 2 test.
    """

    train: Source
    validation: Source
    test: Source
    labels: Labels


def split(
    source: Source,
    *,
    train: float = 0.7,
    validation: float = 0.2,
    test: float = 0.1,
    seed: int = 7,
    method: Method = "random",
    column: str | None = None,
) -> Splits:
    """Split a source into train, validation and test.

    Parameters and errors as `assign_splits`'s. Rows keep their order within a split.

    Returns
    -------
    Splits
    """
    labels = assign_splits(
        source,
        train=train,
        validation=validation,
        test=test,
        seed=seed,
        method=method,
        column=column,
    )
    first, second, third = (_part(source, labels, part) for part in range(3))
    return Splits(first, second, third, labels)


def assign_splits(
    source: Source | int,
    *,
    train: float = 0.7,
    validation: float = 0.2,
    test: float = 0.1,
    seed: int = 7,
    method: Method = "random",
    column: str | None = None,
) -> Labels:
    """Assign each row to a split: 0 train, 1 validation, 2 test.

    Parameters
    ----------
    source : Source or int
        The table, or its number of rows (enough for method="random").
    train, validation, test : float
        Shares that sum to 1.
    seed : int
        Another seed, another split; not used by method="time".
    method : {"random", "stratified", "time", "group"}
        random: exact shares. stratified: the shares within one row in every class of `column`, and
        among the rows without one. time: the earliest rows of `column` to train, the latest to
        test, equal times together. group: no value of `column` in two splits (rows without one
        are a group), shares as near as whole groups allow.
    column : str, optional
        Needed by every method but "random".

    Returns
    -------
    (n,) uint8 array

    Raises
    ------
    ConfigError
        If a share, the method or the seed is out of range, or the column is not named.
    SchemaError
        If the column is not there, or holds no times.
    DataError
        If there are too few rows, classes' rows, times or groups, or a time is missing.
    """
    shares = Shares(train, validation, test)
    if method not in get_args(Method):
        hint = did_you_mean(str(method), get_args(Method), listed=True)
        raise ConfigError(f"unknown split method {method!r}{hint}")
    if seed < 0:
        raise ConfigError(f"seed is {seed}; expected a whole number of at least 0")
    if method == "random":
        if column is not None:
            raise ConfigError(f"a random split looks at no column, but column is {column!r}")
        return randomly(source if isinstance(source, int) else source.count_rows(), shares, seed)
    if column is None:
        raise ConfigError(f"a split by method={method!r} needs column=, the column to split by")
    if isinstance(source, int):
        raise ConfigError(f"a split by method={method!r} needs the source, not its number of rows")
    if method == "time":
        return by_time(_times(source, column), shares, column)
    codes, names = _codes(source, column)
    if method == "group":
        return by_group(codes, shares, seed, column)
    return stratified(codes, names, shares, seed, column)


def _part(source: Source, labels: Labels, part: int) -> Source:
    mask = labels == part
    rows = int(mask.sum())
    first = int(mask.argmax()) if rows else 0
    if mask[first : first + rows].all():  # rows side by side are found without reading the others
        return source.slice(first, rows)
    return source.where(mask)


def _codes(source: Source, column: str) -> tuple[NDArray[np.int64], list[Any]]:
    """Return each row's code, the values that the codes stand for; the last stands for null."""
    chunks = [_encoded(chunk) for chunk in _chunks(source, column)]
    if not chunks:
        return np.empty(0, np.int64), []
    unified = pa.chunked_array(chunks).unify_dictionaries()
    values = unified.chunk(0).dictionary
    codes = [
        pc.fill_null(chunk.indices.cast(pa.int64()), len(values)).to_numpy()
        for chunk in unified.chunks
    ]
    return np.concatenate(codes), [*values.to_pylist(), None]


def _encoded(chunk: pa.Array) -> pa.DictionaryArray:
    """Return a chunk as codes; NaN is as missing as null."""
    if pa.types.is_dictionary(chunk.type):
        return chunk
    if pa.types.is_floating(chunk.type):
        chunk = pc.if_else(pc.is_nan(chunk), None, chunk)
    return chunk.dictionary_encode()


def _times(source: Source, column: str) -> NDArray[Any]:
    """Return the column as integers or floats in the order of time."""
    kind = source.select([column]).schema.field(column).type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not (is_number or pa.types.is_temporal(kind)) or pa.types.is_interval(kind):
        raise SchemaError(
            f"column {column!r} of {source.name} is of type {kind}; a split by time needs dates, "
            "times or numbers; declare its type when scanning"
        )
    parts: list[NDArray[Any]] = []
    row = 0
    for chunk in _chunks(source, column):
        missing = chunk.is_null(nan_is_null=True)
        if missing.true_count:
            raise DataError(
                f"column {column!r} of {source.name} has no time at row "
                f"{row + missing.index(True).as_py():,}; drop or fill the rows without one"
            )
        if not is_number:
            chunk = chunk.cast(pa.int64() if kind.bit_width == 64 else pa.int32())
        parts.append(chunk.to_numpy(zero_copy_only=False))
        row += len(chunk)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _chunks(source: Source, column: str) -> list[pa.Array]:
    return [block.column(0) for block in source.select([column]).blocks()]
