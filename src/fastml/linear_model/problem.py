"""What a solver is given: a design, a loss, and what each of many models has of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.errors import ConfigError
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import LANES, Lanes
from fastml.linear_model.runs import Runs
from fastml.linear_model.target_scale import TargetScale

__all__ = ["MOST_ROW_GROUPS", "Loss", "Problem", "RowGroups"]

MOST_ROW_GROUPS = 65_536
"""Of rows that a model weighs alike: as many as two bytes tell apart."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by its name and settings, as `DesignKernels` takes them.

    Parameters
    ----------
    name : {"logistic", "softmax", "squared", "huber", "quantile"}
    parameter, width : float
    classes : int
        Lanes of one model.
    against_rest : int
        The number of classes, where the models are those of each of them against the rest.
    floor : float
        Added to a row's curvature in the preconditioner, where the loss may be flat.
    """

    name: str
    parameter: float = 1.0
    width: float = 0.0
    classes: int = 1
    against_rest: int = 0
    floor: float = 0.0


_AT_ONCE = 64  # groups: products that fit the cache


@dataclass(frozen=True, slots=True)
class RowGroups:
    """Groups of rows that models weigh each in its own way, for two bytes a row.

    A fold is a group that some models leave out; a class is one whose weight they choose; in a
    bootstrap every model draws a number of times for each group.

    Parameters
    ----------
    of : sequence of uint16 ndarrays of shape (n_rows,)
        The group of each row, block by block.
    weight : ndarray of shape (n_groups, n_models), float64 or uint8
        By what each model multiplies the weights of a group's rows; of one column, all models.
    """

    of: Sequence[NDArray[np.uint16]]
    weight: NDArray[Any]

    def split_by(self, labels: Sequence[NDArray[Any]], factors: Float64) -> RowGroups:
        """Return finer groups: by a label of each row, which has factors (n_labels, n_models).

        Raises
        ------
        ConfigError
            If those are too many.
        """
        n = len(factors)
        if len(self.weight) * n > MOST_ROW_GROUPS:
            raise ConfigError(
                f"{len(self.weight):,} folds x {n:,} classes with class_weight are more than "
                f"{MOST_ROW_GROUPS:,} groups of rows; use fewer folds, or leave class_weight out"
            )
        finer = [
            g * np.uint16(n) + b.astype(np.uint16) for g, b in zip(self.of, labels, strict=True)
        ]
        whole = self.weight[:, None, :] * factors[None, :, :]
        return RowGroups(finer, whole.reshape(len(self.weight) * n, -1))

    def totals(self, design: Design, n_classes: int | None = None) -> Float64:
        """Return the models' total row weights.

        Parameters
        ----------
        design : Design
        n_classes : int, optional
            The totals of each class: the design's targets are indices of them.

        Returns
        -------
        float64 ndarray of shape (n_models,) or (n_models, n_classes)
        """
        k = n_classes or 1
        sums = np.zeros(len(self.weight) * k)
        for block, group in zip(design.blocks, self.of, strict=True):
            place = group.astype(np.intp)
            if n_classes is not None:
                assert block.target is not None
                place = place * k + block.target.astype(np.intp)
            sums += np.bincount(place, block.weight, minlength=len(sums))
        # Not by BLAS, whose threads move the last bits.
        totals: Float64 = np.zeros((self.weight.shape[1], k))
        for of_class, own in zip(totals.T, sums.reshape(-1, k).T, strict=True):
            held = np.flatnonzero(own)
            for first in range(0, len(held), _AT_ONCE):
                some = held[first : first + _AT_ONCE]
                of_class += (self.weight[some] * own[some, None]).sum(axis=0)
        return totals if n_classes is not None else totals[:, 0]


@dataclass(frozen=True, slots=True)
class Problem:
    """A loss over a design for many models.

    Parameters
    ----------
    design : Design
    loss : Loss
    lanes : Lanes
        Of all models. Where the target has several columns, each variant of a model has a model for
        each column, side by side; where models are of a class against the rest, one for each class.
    groups : RowGroups, optional
        Default: every model has the rows as the design weighs them.
    scale : TargetScale, optional
        Of the targets of a regression, in whose units the design is.
    """

    design: Design
    loss: Loss
    lanes: Lanes
    groups: RowGroups | None = None
    scale: TargetScale | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the weights, (features, the unknown code, the intercept) x lanes."""
        return self.design.n_features + 2, len(self.lanes)

    def outward(self, weights: Float64) -> Float64:
        """Return weights (rows, lanes) in the units of the target."""
        return weights if self.scale is None else self.scale.outward(weights)

    def of_variants(self, variants: Sequence[int], n_variants: int) -> Problem:
        """Return the problem of some of the variants whose models are side by side here."""
        each = self.lanes.n_models // n_variants
        models = np.concatenate([np.arange(v * each, (v + 1) * each) for v in variants])
        groups = self.groups
        if groups is not None and groups.weight.shape[1] > 1:
            groups = replace(groups, weight=groups.weight[:, models])
        return replace(self, lanes=self.lanes.of_models(models), groups=groups)

    def of_runs(self, runs: Runs) -> Problem:
        """Return the problem over some of the rows, without copying them.

        Their losses add up to less beside the same penalties, as those of fewer rows do: where a
        penalty is a prior of the weights, it is the same prior.
        """
        blocks = [self.design.blocks[block].rows(first, end) for block, first, end in runs.tolist()]
        groups = self.groups
        if groups is not None:
            groups = replace(groups, of=[groups.of[block][first:end] for block, first, end in runs])
        return replace(self, design=replace(self.design, blocks=blocks), groups=groups)

    def padded(self) -> Problem:
        """Return the problem with some lanes more that stand still, where steps are then faster."""
        lanes = self.lanes.padded()
        groups = self.groups
        if groups is not None and groups.weight.shape[1] > 1:
            n = lanes.n_models - self.lanes.n_models
            groups = replace(groups, weight=np.pad(groups.weight, ((0, 0), (0, n))))
        return replace(self, lanes=lanes, groups=groups)

    def kernels(self, models: slice) -> DesignKernels:
        """Bind the blocks to the loss for some of the models."""
        loss, dtype = self.loss, self.design.dtype
        blocks = []
        for block in self.design.blocks:
            target = block.target
            assert target is not None
            if target.ndim == 2:
                target = target[:, np.arange(models.start, models.stop) % target.shape[1]]
            weight = block.weight
            blocks.append(
                (
                    block.dense,
                    block.codes,
                    np.ascontiguousarray(target, dtype=dtype),
                    None if weight is None else np.ascontiguousarray(weight, dtype=dtype),
                )
            )
        more: dict[str, Any] = {}
        if self.groups is not None:
            weight = self.groups.weight
            own = weight if weight.shape[1] == 1 else weight[:, models]
            shape = len(weight), models.stop - models.start
            table = np.ascontiguousarray(np.broadcast_to(own, shape), dtype=dtype)
            more |= {"groups": list(self.groups.of), "group_weight": table}
        if loss.against_rest:
            classes = np.arange(models.start, models.stop) % loss.against_rest
            more["model_class"] = classes.astype(dtype)
        return DesignKernels(
            blocks,
            self.design.n_codes,
            (models.stop - models.start) * loss.classes,
            loss.name,
            loss.parameter,
            loss.width,
            loss.classes,
            mapped=[block.mapped for block in self.design.blocks],
            **more,
        )

    def identity(self) -> Iterator[Any]:
        """Yield all that tells the problem from others, for a fingerprint."""
        yield self.design.fingerprint()
        yield self.loss
        lanes = self.lanes
        yield lanes.classes
        yield from (lanes.total_weight, lanes.l2, lanes.l1, lanes.learning_rate)
        if self.groups is not None:
            yield from self.groups.of
            yield self.groups.weight

    @property
    def together(self) -> int:
        """The least number of models in a part: those of a variant, or 1 of a single variant."""
        of_variant = self.loss.against_rest or (1 if self.scale is None else self.scale.n_targets)
        return 1 if of_variant == self.lanes.n_models else of_variant

    def parts(self, most: int = LANES) -> Iterator[slice]:
        """Cut the models into parts of about equal size, of at most `most` lanes each.

        A part has one model at least, however many lanes that takes; of several variants it has all
        models of each (of a target, of a class against the rest).
        """
        each = self.together
        n = self.lanes.n_models // each
        n_parts = -(-n // max(1, most // (self.loss.classes * each)))
        for part in range(n_parts):
            yield slice(n * part // n_parts * each, n * (part + 1) // n_parts * each)
