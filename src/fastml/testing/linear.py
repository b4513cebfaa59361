"""NumPy references of the linear kernels: plain, in float64, over the one-hot matrix itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64

__all__ = [
    "Penalty",
    "along",
    "curvature",
    "evaluate",
    "gradient",
    "grouped",
    "matrix",
    "random_design",
    "row_weights",
    "stochastic",
    "visiting_order",
]

STREAMS = 16
Blocks = list[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]]


def random_design(
    rng: np.random.Generator,
    sizes: list[int],
    *,
    dense: int,
    cardinalities: list[int],
    dtype: Any = np.float64,
    lanes: int = 1,
    loss: str = "logistic",
    weighted: bool = False,
    own: bool = False,
    unknown: float = 0.1,
) -> tuple[Blocks, int]:
    """Return blocks of the given sizes and the number of codes; a share of codes is unknown.

    With `own` each lane has targets of its own.
    """
    starts = np.cumsum([0, *cardinalities])
    blocks: Blocks = []
    for n in sizes:
        x = rng.normal(size=(n, dense)).astype(dtype)
        codes = np.empty((n, len(cardinalities)), np.int32)
        for j, k in enumerate(cardinalities):
            drawn = starts[j] + (k * rng.random(n) ** 2).astype(np.int32)
            codes[:, j] = np.where(rng.random(n) < unknown, -1, drawn)
        shape = (n, lanes) if own and loss != "softmax" else n
        if loss == "logistic":
            y = (rng.random(shape) < 0.4).astype(dtype)
        elif loss == "softmax":
            y = rng.integers(0, lanes, n).astype(dtype)
        else:
            y = rng.normal(size=shape).astype(dtype)
        w = rng.integers(0, 4, n).astype(dtype) if weighted else None
        blocks.append((x, codes, y, w))
    return blocks, int(starts[-1])


def grouped(
    rng: np.random.Generator, blocks: Blocks, lanes: int, dtype: Any
) -> tuple[dict[str, Any], Blocks]:
    """Return groups of rows that lanes weigh each in its way, and the blocks with those weights."""
    table = rng.integers(0, 3, (5, lanes)).astype(dtype)
    groups = [rng.integers(0, 5, len(y)).astype(np.uint16) for _, _, y, _ in blocks]
    weighted: Blocks = [
        (x, codes, y, row_weights(w, len(y)) * table[group])
        for (x, codes, y, w), group in zip(blocks, groups, strict=True)
    ]
    return {"groups": groups, "group_weight": table}, weighted


def matrix(dense: NDArray[Any], codes: NDArray[Any], n_codes: int) -> Float64:
    """Return ``[dense | one_hot(codes) | 0 | 1]``: the columns that the weights' rows stand for."""
    n, d = dense.shape
    X = np.zeros((n, d + n_codes + 2))
    X[:, :d] = dense
    for column in codes.T:
        known = (column >= 0) & (column < n_codes)
        X[np.flatnonzero(known), d + column[known]] = 1.0
    X[:, -1] = 1.0
    return X


def evaluate(
    loss: str, margins: Float64, target: NDArray[Any], parameter: float = 1.0, width: float = 0.0
) -> tuple[Float64, Float64, Float64]:
    """Return value, slope and curvature, each (n, lanes), of a loss; softmax's value in lane 0."""
    m = np.asarray(margins, np.float64)
    if loss == "softmax":
        p = np.exp(m - m.max(axis=1, keepdims=True))
        total = p.sum(axis=1, keepdims=True)
        p /= total
        rows, y = np.arange(len(m)), target.astype(int)
        value = np.zeros_like(m)
        value[:, 0] = np.log(total[:, 0]) + m.max(axis=1) - m[rows, y]
        slope = p.copy()
        slope[rows, y] -= 1.0
        return value, slope, p * (1.0 - p)
    y = _columns(target)
    if loss == "logistic":
        p = 1.0 / (1.0 + np.exp(-m))
        return np.logaddexp(0.0, m) - y * m, p - y, p * (1.0 - p)
    e = m - y
    if loss == "squared":
        return e**2 / 2.0, e, np.ones_like(e)
    if loss == "huber":
        small = np.abs(e) <= parameter
        value = np.where(small, e**2 / 2.0, parameter * (np.abs(e) - parameter / 2.0))
        return value, np.clip(e, -parameter, parameter), small.astype(float)
    share = np.clip((e + width) / (2.0 * width), 0.0, 1.0)
    value = np.where(e > width, e, width * share**2) - parameter * e
    return value, share - parameter, np.where(np.abs(e) < width, 1.0 / (2.0 * width), 0.0)


def _columns(values: NDArray[Any]) -> Float64:
    """Return one value a row, or one a row and lane, as a matrix."""
    floats: Float64 = np.asarray(values, np.float64)
    return floats[:, None] if floats.ndim == 1 else floats


def row_weights(weight: NDArray[Any] | None, n: int) -> Float64:
    """Return the weights of n rows, (n, 1) or (n, lanes)."""
    return np.ones((n, 1)) if weight is None else _columns(weight)


def gradient(X: Float64, slope: Float64, weight: NDArray[Any] | None) -> Float64:
    """Return ``X' (w * slope)``, (rows, lanes)."""
    return np.asarray(X.T @ (row_weights(weight, len(X)) * slope))


def curvature(X: Float64, second: Float64, weight: NDArray[Any] | None, floor: float) -> Float64:
    """Return the diagonal of ``X' diag(w * (second + floor)) X``, lane by lane."""
    return np.asarray((X**2).T @ (row_weights(weight, len(X)) * (second + floor)))


def along(
    loss: str,
    margins: Float64,
    direction: Float64,
    step: Float64,
    target: NDArray[Any],
    weight: NDArray[Any] | None,
    parameter: float = 1.0,
    width: float = 0.0,
) -> Float64:
    """Return each lane's sums of value, slope and curvature along a direction; softmax's in lane 0.

    `step` has one for each lane.
    """
    w = row_weights(weight, len(margins))
    value, slope, second = evaluate(loss, margins + step * direction, target, parameter, width)
    bend = second * direction**2
    if loss == "softmax":
        p = slope.copy()
        p[np.arange(len(p)), target.astype(int)] += 1.0
        mean = (p * direction).sum(axis=1, keepdims=True)
        bend = (p * direction**2).sum(axis=1, keepdims=True) - mean**2
    sums = [(w * value).sum(axis=0), (w * slope * direction).sum(axis=0), (w * bend).sum(axis=0)]
    if loss == "softmax":
        sums = [np.append(each.sum(), np.zeros(margins.shape[1] - 1)) for each in sums]
    return np.stack(sums, axis=1)


def visiting_order(runs: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the (block, row) pairs of a stochastic pass in the order that it sees them."""
    streams = min(STREAMS, len(runs))
    cuts = [k * len(runs) // streams for k in range(streams + 1)] if streams else [0]
    places = [
        [(int(b), row) for b, start, stop in runs[low:high] for row in range(start, stop)]
        for low, high in pairwise(cuts)
    ]
    places = [place for place in places if place]
    order, turn = [], 0
    while places:
        turn = turn if turn < len(places) else 0
        order.append(places[turn].pop(0))
        if places[turn]:
            turn += 1
        else:
            del places[turn]
    return order


@dataclass(frozen=True)
class Penalty:
    """The penalties of a lane and their flow."""

    l2: float
    l1: float

    def shrink(self, weights: Float64, times: Float64) -> Float64:
        """Follow ``w' = -l2 w - l1 sign(w)`` for a time each."""
        kept = np.exp(-self.l2 * times)
        lost = times if self.l2 == 0.0 else -np.expm1(-self.l2 * times) / self.l2
        return np.asarray(
            np.sign(weights) * np.maximum(np.abs(weights) * kept - self.l1 * lost, 0.0)
        )


def stochastic(
    blocks: Blocks,
    n_codes: int,
    weights: Float64,
    squares: Float64,
    runs: NDArray[np.int64],
    *,
    loss: str,
    batch_size: int,
    adaptive: bool,
    fit_intercept: bool,
    weight_scale: NDArray[Any],
    rate: NDArray[Any],
    penalties: list[Penalty],
    parameter: float = 1.0,
    width: float = 0.0,
) -> tuple[Float64, Float64, float]:
    """Return weights, AdaGrad's sums and the loss after a pass that shrinks every weight each step.

    The kernel lets untouched codes wait; here nothing waits.
    """
    weights, squares = weights.copy(), squares.copy()
    matrices = [matrix(x, codes, n_codes) for x, codes, _, _ in blocks]
    weighing = [np.ones(len(y)) if w is None else w for _, _, y, w in blocks]
    order = visiting_order(runs)
    total = 0.0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        X = np.stack([matrices[b][row] for b, row in batch])
        y = np.array([blocks[b][2][row] for b, row in batch])
        w = _columns(np.array([weighing[b][row] for b, row in batch]))
        value, slope, _ = evaluate(loss, X @ weights, y, parameter, width)
        total += float((w * value).sum())
        step = gradient(X, slope, w) * weight_scale / len(batch)
        if not fit_intercept:
            step[-1] = 0.0
        squares += step**2
        with np.errstate(divide="ignore"):
            lengths = np.where(squares > 0.0, rate / np.sqrt(squares), 0.0)
        if not adaptive:
            lengths = np.broadcast_to(rate, squares.shape)
        weights -= lengths * step
        for lane, penalty in enumerate(penalties):
            weights[:-2, lane] = penalty.shrink(weights[:-2, lane], lengths[:-2, lane])
    return weights, squares, total
