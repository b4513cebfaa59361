"""The encode plan: every fitted step, compiled into one pass from a record batch to a design block.

Training finishes the blocks that its first pass staged (`finish`), serving encodes batches
(`encode`). Both run the same kernels with the same parameters, so they give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._native.encode import DenseEncoder, finish_codes
from fastml._native.lookup import CategoryLookup
from fastml._typing import Float32, Float64, Int32
from fastml.errors import ArtifactError, DataError
from fastml.linear_model.design import DesignBlock
from fastml.preprocessing.calendar import PARTS, calendar_codes, parts_of
from fastml.preprocessing.conform import conform, is_category_type, is_dense_type
from fastml.preprocessing.features import CategoryFeature, NumericFeature, is_plain_value
from fastml.preprocessing.staging import StagedBlock, Staging, as_floats

__all__ = ["EncodePlan"]


class EncodePlan:
    """Turns record batches into design blocks.

    Parameters
    ----------
    schema : pyarrow.Schema
        The input columns that the features need, in the order that batches are brought to.
    numeric : sequence of NumericFeature
        The dense part, in order; an indicator follows all the numbers.
    categorical : sequence of CategoryFeature
        The code part, in order.
    infinite : {"error", "missing"}
        What an infinite number is: an error, or a missing value.
    """

    def __init__(
        self,
        schema: pa.Schema,
        numeric: Sequence[NumericFeature],
        categorical: Sequence[CategoryFeature],
        infinite: str = "error",
    ) -> None:
        self.schema = schema
        self.numeric = tuple(numeric)
        self.categorical = tuple(categorical)
        self.infinite = infinite
        indicators = [f for f in self.numeric if f.indicator]
        self.n_dense = len(self.numeric) + len(indicators)
        self.n_codes = sum(f.n_codes for f in self.categorical)
        place = {f.column: len(self.numeric) + i for i, f in enumerate(indicators)}
        self._dense = DenseEncoder(
            np.array([f.shift for f in self.numeric], np.float64),
            np.array([f.offset for f in self.numeric], np.float32),
            np.array([f.factor for f in self.numeric], np.float32),
            np.array([f.fill for f in self.numeric], np.float32),
            np.arange(len(self.numeric), dtype=np.int64),
            np.array([place.get(f.column, -1) for f in self.numeric], np.int64),
        )
        self._dense_at = np.array(
            [schema.get_field_index(f.column) for f in self.numeric], np.int64
        )
        self._lookups = [
            CategoryLookup(f.values) if f.part is None else None for f in self.categorical
        ]
        starts = np.cumsum([0, *(f.n_codes for f in self.categorical)])
        self.code_starts: tuple[int, ...] = tuple(int(start) for start in starts[:-1])
        self._tables = [
            np.where(f.table >= 0, f.table + start, -1).astype(np.int32)
            for f, start in zip(self.categorical, self.code_starts, strict=True)
        ]

    def feature_names(self) -> list[str]:
        """Return a name for each feature: the dense ones, then one for each code."""
        numbers = [f.column for f in self.numeric]
        indicators = [f.names()[1] for f in self.numeric if f.indicator]
        return [*numbers, *indicators, *(name for f in self.categorical for name in f.names())]

    def encode(self, batch: pa.RecordBatch, where: str = "the table", row: int = 0) -> DesignBlock:
        """Encode a batch of any number of rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        where : str
            The source's name, for messages.
        row : int
            The number of the batch's first row in its source, for messages.

        Raises
        ------
        SchemaError
            If a column is missing or of another type.
        DataError
            If a number is infinite and the plan does not take infinities as missing.
        """
        batch = conform(batch, self.schema, where, row)
        dense = np.empty((batch.num_rows, self.n_dense), np.float32)
        _, infinite = self._dense.encode(batch, self._dense_at, dense)
        if infinite.any():
            batch = self._without_infinities(batch, dense, infinite, where, row)
            self._dense.encode(batch, self._dense_at, dense)
        staged = np.empty((len(self.categorical), batch.num_rows), np.int32)
        for feature, lookup, codes in zip(self.categorical, self._lookups, staged, strict=True):
            column = batch.column(feature.column)
            if lookup is None:
                codes[:] = calendar_codes(column, str(feature.part))
            else:
                lookup.find(column, codes)
        rows = np.empty((batch.num_rows, len(self.categorical)), np.int32)
        finish_codes(staged, self._tables, rows)
        return DesignBlock(dense, rows)

    def _without_infinities(
        self,
        batch: pa.RecordBatch,
        dense: Float32,
        infinite: np.ndarray[Any, Any],
        where: str,
        row: int,
    ) -> pa.RecordBatch:
        for i in np.flatnonzero(infinite):
            name = self.numeric[i].column
            column = batch.column(name)
            beyond = np.isinf(dense[:, i])
            too_large = beyond & ~np.isinf(as_floats(column))
            if too_large.any():
                first = int(np.argmax(too_large))
                raise too_large_error(name, column[first].as_py(), where, row + first + 1)
            if self.infinite == "error":
                raise infinite_error(name, where, row + int(np.argmax(beyond)) + 1)
            cleaned = pc.if_else(pa.array(beyond), pa.scalar(None, column.type), column)
            batch = batch.set_column(batch.schema.get_field_index(name), name, cleaned)
        return batch

    def finish(self, staging: Staging, block: StagedBlock) -> DesignBlock:
        """Turn a staged block into the design block that `encode` would give."""
        _, (dense, codes) = staging.memory.arrays(
            ((block.n_rows, self.n_dense), np.float32),
            ((block.n_rows, len(self.categorical)), np.int32),
        )
        at = {name: i for i, name in enumerate(staging.numeric)}
        columns = np.array([at[f.column] for f in self.numeric], np.int64)
        self._dense.finish(block.dense, columns, dense)
        text = {name: i for i, name in enumerate(staging.text)}
        parts = {part: len(text) + i for i, part in enumerate(staging.parts)}
        rows, tables = [], []
        for feature, table in zip(self.categorical, self._tables, strict=True):
            if feature.part is None:
                rows.append(text[feature.column])
                tables.append(table[block.remaps[rows[-1]] + 1])
            else:
                rows.append(parts[feature.column, feature.part])
                tables.append(table)
        staged = block.codes if rows == list(range(len(block.codes))) else block.codes[rows]
        finish_codes(np.ascontiguousarray(staged), tables, codes)
        return DesignBlock(dense, codes)

    def text_columns(self) -> list[str]:
        """Return the columns that must have been text: of categories that no number is written as.

        Where all categories are whole numbers or booleans, the column may have been of those.
        """
        return [
            feature.column
            for feature in self.categorical
            if feature.part is None and not all(map(is_plain_value, feature.values.to_pylist()))
        ]

    def weights_of(self, weights: Float64, feature: CategoryFeature) -> Float64:
        """Return the rows of a weight matrix that belong to a categorical feature."""
        start = self.n_dense + self.code_starts[self.categorical.index(feature)]
        return weights[start : start + feature.n_codes]

    def state(self) -> tuple[dict[str, Any], dict[str, pa.Table]]:
        """Return what a saved plan holds: JSON, and a table of the known categories."""
        manifest = {
            "infinite": self.infinite,
            "numeric": [
                {
                    "column": f.column,
                    "kind": f.kind,
                    "center": f.center,
                    "scale": f.scale,
                    "imputed": f.imputed,
                    "shift": f.shift,
                    "indicator": f.indicator,
                    "mean": f.mean,
                    "std": f.std,
                    "missing": f.missing,
                }
                for f in self.numeric
            ],
            "categorical": [
                {"column": f.column, "part": f.part, "labels": list(f.labels)}
                for f in self.categorical
            ],
        }
        values, owners, codes, shares, share_owners = [], [], [], [], []
        for i, f in enumerate(self.categorical):
            known = f.values.to_pylist() if f.part is None else list(f.labels[: len(f.table) - 2])
            values += [None, *known, None]
            codes += f.table.tolist()
            owners += [i] * len(f.table)
            shares += f.share.tolist()
            share_owners += [i] * len(f.share)
        tables = {
            "categories": pa.table(
                {
                    "feature": pa.array(owners, pa.int32()),
                    "value": pa.array(values, pa.string()),
                    "code": pa.array(codes, pa.int32()),
                }
            ),
            "shares": pa.table(
                {
                    "feature": pa.array(share_owners, pa.int32()),
                    "share": pa.array(shares, pa.float64()),
                }
            ),
            "input": self.schema.empty_table(),
        }
        return manifest, tables

    @classmethod
    def from_state(cls, manifest: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> EncodePlan:
        """Restore a plan from what `state` returned.

        Raises
        ------
        ArtifactError
            If the parts do not belong together.
        """
        try:
            numeric = [NumericFeature(**each) for each in manifest["numeric"]]
            table, shares = tables["categories"], tables["shares"]
            owners = table["feature"].to_numpy()
            share_owners = shares["feature"].to_numpy()
            categorical = []
            for i, each in enumerate(manifest["categorical"]):
                mine = np.flatnonzero(owners == i)
                known = table["value"].take(pa.array(mine[1:-1])).combine_chunks()
                categorical.append(
                    CategoryFeature(
                        column=each["column"],
                        part=each["part"],
                        values=known if each["part"] is None else pa.array([], pa.string()),
                        table=table["code"].to_numpy()[mine].astype(np.int32),
                        labels=tuple(each["labels"]),
                        share=shares["share"].to_numpy()[share_owners == i],
                    )
                )
            schema = tables["input"].schema
            _check_features(schema, numeric, categorical)
            return cls(schema, numeric, categorical, manifest["infinite"])
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise ArtifactError(
                f"the saved encode plan does not hold together ({error!r}); save the model again"
            ) from error


def _check_features(
    schema: pa.Schema, numeric: Sequence[NumericFeature], categorical: Sequence[CategoryFeature]
) -> None:
    """Raise a ValueError where features and their columns do not fit: the kernels trust them."""
    for number in numeric:
        if not is_dense_type(schema.field(number.column).type):
            raise ValueError(f"column {number.column!r} is not numeric")
        if not 0.0 < number.scale < np.inf:
            raise ValueError(f"column {number.column!r} has the scale {number.scale}")
    for feature in categorical:
        type_ = schema.field(feature.column).type
        if feature.part is None:
            fits, known = is_category_type(type_), len(feature.values)
        else:
            fits, known = feature.part in parts_of(type_), len(PARTS[feature.part])
        in_range = (feature.table >= -1) & (feature.table < feature.n_codes)
        if (
            not fits
            or feature.table.shape != (known + 2,)
            or feature.share.shape != (feature.n_codes,)
            or not in_range.all()
        ):
            raise ValueError(f"the codes of {feature.name!r} do not fit its values")


def infinite_error(column: str, where: str, row: int | None) -> DataError:
    """Return the error for an infinity among the numbers; the row may not be known."""
    at = "" if row is None else f", the first at row {row:,}"
    return DataError(
        f"column {column!r} of {where} has an infinite value{at}; "
        "replace it by a number or a null, or take infinities as missing: infinite='missing'"
    )


def too_large_error(column: str, value: float | None, where: str, row: int | None) -> DataError:
    """Return the error for a number that is finite, but not as a float32."""
    found = "a value" if value is None else f"the value {value:g} at row {row:,}"
    return DataError(
        f"column {column!r} of {where} has {found} that is too large to learn from (beyond 3.4e38, "
        "the range of a float32); replace it by a null, or scale the column"
    )


def part_table(part: str, counts: np.ndarray[Any, Any]) -> Int32:
    """Return the code table of a part of a date; a missing date has the last code, if any."""
    n = len(PARTS[part])
    null = n if counts[0] else -1
    return np.array([null, *range(n), -1], np.int32)


def needed_schema(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """Return the fields of the columns that features need; strings plain, nulls allowed."""
    fields = []
    for name in columns:
        type_ = schema.field(name).type
        fields.append(pa.field(name, pa.string() if is_category_type(type_) else type_))
    return pa.schema(fields)
