"""An encode plan as what an artifact holds: JSON, and Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._native.codes import MOST_EDGES, MOST_PARTS
from fastml.errors import ArtifactError
from fastml.preprocessing.calendar import PARTS, parts_of
from fastml.preprocessing.conform import is_category_type, is_dense_type
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.features import (
    BinFeature,
    CategoryFeature,
    CrossFeature,
    NumericFeature,
    PartFeature,
)

__all__ = ["plan_from_state", "plan_state"]

Tables = Mapping[str, pa.Table]


def plan_state(plan: EncodePlan) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """Return what a saved plan holds: JSON, and tables of what is too long for it.

    A feature's number in the table of shares counts the categories, the bins and then the crosses;
    in that of combinations the crosses alone.
    """
    place = {id(f): i for i, f in enumerate(plan.parts)}
    manifest = {
        "infinite": plan.infinite,
        "numeric": [
            {
                "column": f.column,
                "kind": f.kind,
                "center": f.center,
                "scale": f.scale,
                "imputed": None if np.isnan(f.imputed) else f.imputed,
                "shift": f.shift,
                "indicator": f.indicator,
                "mean": f.mean,
                "std": f.std,
                "missing": f.missing,
            }
            for f in plan.numeric
        ],
        "categorical": [
            {"column": f.column, "part": f.part, "labels": list(f.labels)} for f in plan.categorical
        ],
        "bins": [
            {
                "column": f.column,
                "shift": f.shift,
                "edges": f.edges.tolist(),
                "missing": f.missing,
                "labels": list(f.labels),
                "alone": f.alone,
            }
            for f in plan.bins
        ],
        "crosses": [[place[id(part)] for part in f.parts] for f in plan.crosses],
    }
    tables = {
        "categories": _categories(plan.categorical),
        "shares": _by_feature("share", [f.share for f in (*plan.parts, *plan.crosses)]),
        "input": plan.schema.empty_table(),
    }
    if plan.crosses:
        tables["combinations"] = _by_feature("combination", [f.keys for f in plan.crosses])
    return manifest, tables


def _categories(categorical: Sequence[CategoryFeature]) -> pa.Table:
    values, owners, codes = [], [], []
    for i, f in enumerate(categorical):
        known = f.values.to_pylist() if f.part is None else list(f.labels[: len(f.table) - 2])
        values += [None, *known, None]
        codes += f.table.tolist()
        owners += [i] * len(f.table)
    return pa.table(
        {
            "feature": pa.array(owners, pa.int32()),
            "value": pa.array(values, pa.string()),
            "code": pa.array(codes, pa.int32()),
        }
    )


def _by_feature(name: str, of: Sequence[np.ndarray[Any, Any]]) -> pa.Table:
    owners = np.repeat(np.arange(len(of), dtype=np.int32), [len(each) for each in of])
    return pa.table({"feature": owners, name: np.concatenate(of) if of else np.empty(0)})


def _of_feature(table: pa.Table, name: str, feature: int) -> np.ndarray[Any, Any]:
    values = table[name].to_numpy()
    return np.asarray(values[table["feature"].to_numpy() == feature])


def plan_from_state(manifest: Mapping[str, Any], tables: Tables) -> EncodePlan:
    """Restore a plan from what `plan_state` returned.

    Raises
    ------
    ArtifactError
        If the parts do not belong together.
    """
    try:
        numeric = [
            NumericFeature(**(each | {"imputed": np.nan if (v := each["imputed"]) is None else v}))
            for each in manifest["numeric"]
        ]
        categorical = _read_categories(manifest["categorical"], tables)
        shares = tables["shares"]
        bins = [
            BinFeature(
                column=each["column"],
                shift=float(each["shift"]),
                edges=np.array(each["edges"], np.float64).reshape(-1),
                missing=bool(each["missing"]),
                labels=tuple(each["labels"]),
                alone=bool(each["alone"]),
                share=_of_feature(shares, "share", i),
            )
            for i, each in enumerate(manifest.get("bins", []), len(categorical))
        ]
        parts = [*categorical, *bins]
        crosses = [
            CrossFeature(
                parts=tuple(parts[place] for place in places),
                keys=_of_feature(tables["combinations"], "combination", i),
                share=_of_feature(shares, "share", len(parts) + i),
            )
            for i, places in enumerate(manifest.get("crosses", []))
        ]
        schema = tables["input"].schema
        _check_numbers(schema, numeric)
        _check_categories(schema, categorical)
        _check_bins(bins, {f.column for f in numeric})
        _check_crosses(crosses)
        return EncodePlan(
            schema, numeric, categorical, manifest["infinite"], bins=bins, crosses=crosses
        )
    except (KeyError, IndexError, TypeError, ValueError, pa.ArrowException) as error:
        raise ArtifactError(
            f"the saved encode plan does not hold together ({error!r}); save the model again"
        ) from error


def _read_categories(
    manifest: Sequence[Mapping[str, Any]], tables: Tables
) -> list[CategoryFeature]:
    table = tables["categories"]
    owners = table["feature"].to_numpy()
    found = []
    for i, each in enumerate(manifest):
        mine = np.flatnonzero(owners == i)
        known = table["value"].take(pa.array(mine[1:-1])).combine_chunks()
        found.append(
            CategoryFeature(
                column=each["column"],
                part=each["part"],
                values=known if each["part"] is None else pa.array([], pa.string()),
                table=table["code"].to_numpy()[mine].astype(np.int32),
                labels=tuple(each["labels"]),
                share=_of_feature(tables["shares"], "share", i),
            )
        )
    return found


# Features and their columns must fit, for the kernels trust them: each raises a ValueError.


def _check_numbers(schema: pa.Schema, numeric: Sequence[NumericFeature]) -> None:
    for number in numeric:
        if not is_dense_type(schema.field(number.column).type):
            raise ValueError(f"column {number.column!r} is not numeric")
        if not 0.0 < number.scale < np.inf:
            raise ValueError(f"column {number.column!r} has the scale {number.scale}")


def _check_categories(schema: pa.Schema, categorical: Sequence[CategoryFeature]) -> None:
    for feature in categorical:
        type_ = schema.field(feature.column).type
        if feature.part is None:
            fits, known = is_category_type(type_), len(feature.values)
        else:
            fits, known = feature.part in parts_of(type_), len(PARTS[feature.part])
        in_range = (feature.table >= -1) & (feature.table < feature.n_codes)
        if not fits or feature.table.shape != (known + 2,) or not in_range.all():
            raise ValueError(f"the codes of {feature.name!r} do not fit its values")
        _check_share(feature)


def _check_bins(bins: Sequence[BinFeature], numeric: set[str]) -> None:
    for feature in bins:
        edges = feature.edges
        ascending = np.isfinite(edges).all() and (edges[1:] > edges[:-1]).all()
        fits = feature.n_codes == len(edges) + 1 + feature.missing and len(edges) <= MOST_EDGES
        if feature.column not in numeric or not fits:
            raise ValueError(f"the bins of {feature.column!r} do not fit it")
        if not ascending or not np.isfinite(feature.shift):
            raise ValueError(f"the bins of {feature.column!r} are not ascending")
        _check_share(feature)


def _check_crosses(crosses: Sequence[CrossFeature]) -> None:
    for feature in crosses:
        if not 2 <= len(feature.parts) <= MOST_PARTS:
            raise ValueError(f"the cross {feature.column!r} has {len(feature.parts)} parts")
        _check_share(feature)


def _check_share(feature: PartFeature | CrossFeature) -> None:
    if feature.share.shape != (feature.n_codes,):
        raise ValueError(f"the shares of {feature.name!r} do not fit its codes")
