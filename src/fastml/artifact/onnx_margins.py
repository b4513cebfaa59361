"""A plan and the weights of a linear model as an ONNX graph: from columns to margins.

The graph does what the compiled core does, operation by operation and in its order (`scale.hpp`,
`codes.hpp`, `row_margins` of `linear_rows.inc`), so that the margins have the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Float32, Float64
from fastml.artifact.onnx_calendar import add_calendar
from fastml.artifact.onnx_graph import INT64, Graph
from fastml.artifact.onnx_inputs import Input
from fastml.errors import ConfigError
from fastml.preprocessing.calendar import PARTS, is_local, units_per_day
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.features import (
    BinFeature,
    CategoryFeature,
    CrossFeature,
    NumericFeature,
)

__all__ = ["add_margins"]

_NAN = np.float64(np.nan)
_NULL = np.int64(INT64.min)


def add_margins(
    graph: Graph,
    plan: EncodePlan,
    inputs: Mapping[str, Input],
    weights: Float64,
    intercept: Float64,
) -> str:
    """Add the margins of the rows, float64 (rows, lanes); NaN where a number is too large.

    Parameters
    ----------
    graph : Graph
    plan : EncodePlan
    inputs : mapping of str to Input
        Of the columns, which are inputs of the graph.
    weights : float64 array of shape (features, lanes)
    intercept : float64 array of shape (lanes,)

    Raises
    ------
    ConfigError
        If a feature cannot be exact.
    """
    of_dense, of_codes = np.split(weights.astype(np.float32), [plan.n_dense])
    dense = _numbers(graph, plan, inputs) if plan.numeric else None
    codes = _Codes(graph, plan, inputs, of_codes) if plan.n_codes else None
    add = _one_margin if len(intercept) == 1 else _several_margins
    margins = add(graph, dense, of_dense, codes)
    return graph.add("Add", graph.cast(margins, "double"), intercept)


def _one_margin(graph: Graph, dense: str | None, weights: Float32, codes: _Codes | None) -> str:
    """Add the margins before the intercept, float32 (rows, 1): the numbers' and the codes'."""
    terms = []
    if dense is not None:
        products = graph.add("Mul", dense, weights[:, 0])
        fours, rest = divmod(len(weights), 4)
        pieces = graph.split(products, [4] * fours + [1] * rest)
        sums = []
        if fours:
            left, right = graph.split(graph.total(pieces[:fours]), [2, 2])
            sums += graph.split(graph.add("Add", left, right), [1, 1])
        if rest:
            sums.append(graph.total(pieces[fours:]))
        terms.append(graph.total(sums))
    if codes is not None:
        found = codes.columns()
        terms.append(graph.total([graph.total(each) for each in (found[::2], found[1::2]) if each]))
    return graph.total(terms)


def _several_margins(
    graph: Graph, dense: str | None, weights: Float32, codes: _Codes | None
) -> str:
    """Add the margins before the intercepts, float32 (rows, lanes): one term after the other."""
    terms = []
    if dense is not None:
        terms.append(graph.add("Mul", graph.add("Unsqueeze", dense, np.array([2])), weights))
    if codes is not None:
        terms.append(graph.add("Gather", codes.weights, graph.join(codes.columns())))
    sums = graph.add("CumSum", graph.join(terms), np.int64(1))
    return graph.add("Gather", sums, np.int64(-1), axis=1)


def _staged(
    graph: Graph,
    plan: EncodePlan,
    inputs: Mapping[str, Input],
    features: Sequence[NumericFeature] | Sequence[BinFeature],
) -> str:
    """Add ``float32(x - shift)`` of each feature, NaN where it is missing, (rows, features)."""
    columns = {each.column: each.column for each in features}
    for tensor in ("float", "int64"):
        own = [column for column in columns if inputs[column].tensor == tensor]
        if not own:
            continue
        joined = graph.join(own)
        value = graph.cast(joined, "double")
        if tensor == "int64":
            value = graph.add("Where", graph.add("Equal", joined, _NULL), _NAN, value)
        columns |= zip(own, graph.split(value, [1] * len(own)), strict=True)
    values = graph.join(columns.values())
    if plan.infinite == "missing":
        values = graph.add("Where", graph.add("IsInf", values), _NAN, values)
    shifts = np.array([each.shift for each in features], np.float64)
    return graph.cast(graph.add("Sub", values, shifts), "float")


def _numbers(graph: Graph, plan: EncodePlan, inputs: Mapping[str, Input]) -> str:
    """Add the numbers, then the indicators, float32 (rows, n_dense); NaN where one is infinite."""
    staged = _staged(graph, plan, inputs, plan.numeric)
    offset, factor, fill = (
        np.array([getattr(each, name) for each in plan.numeric], np.float32)
        for name in ("offset", "factor", "fill")
    )
    missing = graph.add("IsNaN", staged)
    scaled = graph.add("Mul", graph.add("Sub", staged, offset), factor)
    finite = graph.add("Where", graph.add("IsInf", scaled), np.float32(np.nan), scaled)
    dense = graph.add("Where", missing, fill, finite)
    marked = [i for i, number in enumerate(plan.numeric) if number.indicator]
    if not marked:
        return dense
    indicators = graph.cast(graph.add("Gather", missing, np.array(marked), axis=1), "float")
    return graph.join([dense, indicators])


class _Codes:
    """What the code part of a plan adds to the margins.

    A code stands for its weight where there is one lane, and else for its row of the weights. A
    part (a category, or the bins of a number) is looked up by its place in the part's table:
    missing, known values or bins, unknown. Bins lie side by side in one value, and so do the dates
    of which the same part is taken, since a small operator costs as much as its call.

    Attributes
    ----------
    weights : float32 array of shape (n_codes + 1, lanes)
        The last row is that of no code.
    """

    def __init__(
        self, graph: Graph, plan: EncodePlan, inputs: Mapping[str, Input], weights: Float32
    ) -> None:
        self._graph, self._plan, self._inputs = graph, plan, inputs
        self.weights = np.concatenate([weights, np.zeros((1, weights.shape[1]), np.float32)])
        one_lane = weights.shape[1] == 1
        self._meaning: NDArray[Any] = (
            self.weights[:, 0] if one_lane else np.arange(len(self.weights))
        )
        self._tables = dict(plan.single_parts)
        self._places: dict[int, str] = {}  # in the table of a part that is crossed
        self._single: dict[int, str] = {}

    def columns(self) -> list[str]:
        """Add what each row's codes mean, in the order of the plan, (rows, 1) each."""
        crossed = {part for _, parts, _ in self._plan.crossed_parts for part in parts}
        for part, feature in enumerate(self._plan.categorical):
            if feature.part is None and part not in crossed:
                self._single[part] = self._text(feature, self._meaning[self._tables[part]])
            elif feature.part is None:
                self._add(self._text(feature, np.arange(len(feature.table))), [part], crossed)
        for name in PARTS:
            dates = [i for i, f in enumerate(self._plan.categorical) if f.part == name]
            if dates:
                self._add(self._dates(name, dates), dates, crossed)
        if self._plan.bins:
            first = len(self._plan.categorical)
            bins = range(first, first + len(self._plan.bins))
            self._add(self._bins(), bins, crossed)
        return [
            *(self._single[part] for part, _ in self._plan.single_parts),
            *(self._cross(*each) for each in self._plan.crossed_parts),
        ]

    def _add(self, places: str, parts: Sequence[int], crossed: Set[int]) -> None:
        """Take parts whose places in their tables are the columns of a value."""
        widths = [1] * len(parts)
        if not crossed.isdisjoint(parts):
            self._places |= zip(parts, self._graph.split(places, widths), strict=True)
        if self._tables.keys().isdisjoint(parts):
            return
        lengths = [len(self._plan.parts[part].table) for part in parts]
        tables = [
            self._tables.get(part, np.full(length, -1))
            for part, length in zip(parts, lengths, strict=True)
        ]
        starts = np.cumsum([0, *lengths[:-1]])
        found = self._graph.add(
            "Gather",
            self._meaning[np.concatenate(tables)],
            self._graph.add("Add", places, starts),
        )
        self._single |= zip(parts, self._graph.split(found, widths), strict=True)

    def _text(self, feature: CategoryFeature, table: NDArray[Any]) -> str:
        """Look up strings in a table: of a missing one, of each known one, of an unknown one."""
        keys = [self._inputs[feature.column].missing, *feature.values.to_pylist()]
        return self._encoded(feature.column, "strings", keys, table)

    def _encoded(self, value: str, kind: str, keys: Any, table: NDArray[Any]) -> str:
        """Look up keys in a table whose last entry is that of any other."""
        to = "float" if table.dtype.kind == "f" else "int64"
        *known, other = table.tolist()
        found = {f"keys_{kind}": keys, f"values_{to}s": known, f"default_{to}": other}
        return self._graph.add("LabelEncoder", value, **found)

    def _dates(self, part: str, places: Sequence[int]) -> str:
        """Add the places of dates in the tables of a part of them."""
        features = [self._plan.categorical[place] for place in places]
        types = [self._plan.schema.field(each.column).type for each in features]
        for feature, type_ in zip(features, types, strict=True):
            _check_zone(feature, type_)
        graph = self._graph
        times = graph.join(each.column for each in features)
        code = add_calendar(graph, part, times, np.array([units_per_day(each) for each in types]))
        place = graph.add("Add", code, np.int64(1))
        return graph.add("Where", graph.add("Equal", times, _NULL), np.int64(0), place)

    def _bins(self) -> str:
        """Add the places of numbers in the tables of their bins.

        The place is how many of the edges are at or below the number, and one more; a missing
        number is not above minus infinity, and has the place 0.
        """
        graph, bins = self._graph, self._plan.bins
        staged = _staged(graph, self._plan, self._inputs, bins)
        edges = np.full((len(bins), max(len(each.edges) for each in bins) + 1), np.inf, np.float32)
        edges[:, 0] = -np.inf
        for own, each in zip(edges, bins, strict=True):
            own[1 : len(each.edges) + 1] = each.staged_edges
        above = graph.add("GreaterOrEqual", graph.add("Unsqueeze", staged, np.array([2])), edges)
        count = graph.add("ReduceSum", graph.cast(above, "float"), np.array([2]), keepdims=0)
        return graph.cast(count, "int64")

    def _cross(self, cross: CrossFeature, places: Sequence[int], start: int) -> str:
        """Add what the codes of a cross mean, (rows, 1)."""
        graph = self._graph
        *inner, possible = accumulate((1, *reversed(cross.sizes)), mul)
        terms = []
        for place, stride in zip(places, reversed(inner), strict=True):
            table = self._plan.parts[place].table.astype(np.int64)
            # What a part without a code adds, the others do not make up for. (Three such parts may
            # go round the range of an int64, and end above all combinations, of below 2**62.)
            numbers = np.where(table < 0, -possible, table * stride)
            terms.append(graph.add("Gather", numbers, self._places[place]))
        key = terms[0]
        for term in terms[1:]:
            key = graph.add("Add", key, term)
        # -1 is no combination: it stands there so that there is a key where none is known.
        rows = np.concatenate([[-1], start + np.arange(cross.n_codes), [-1]])
        return self._encoded(key, "int64s", [-1, *cross.keys.tolist()], self._meaning[rows])


def _check_zone(feature: CategoryFeature, type_: pa.DataType) -> None:
    if is_local(type_):
        raise ConfigError(
            f"the model cannot be exported: {feature.name} is told in local time ({type_}), and "
            "ONNX knows no time zones; convert the column to UTC, and train again"
        )
