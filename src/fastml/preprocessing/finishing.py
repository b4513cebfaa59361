"""From staged rows to the design that a learner reads."""

from __future__ import annotations

import numpy as np

from fastml.engine import ordered_map
from fastml.linear_model.design import Design, DesignBlock
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.staging import StagedBlock, Staging

__all__ = ["finished_design"]


def finished_design(
    plan: EncodePlan, staging: Staging, threads: int, *, keep: bool = False
) -> Design:
    """Finish every staged block, with its target and weights.

    The staged ones are let go, unless they are to be kept for another plan.
    """

    def complete(block: StagedBlock) -> DesignBlock:
        done = plan.finish(staging, block)
        done.target = block.target
        if block.weight is not None:
            done.weight = block.weight.astype(np.float32)
        return done

    finish = staging.finish(complete, keep=keep)
    blocks = list(ordered_map(finish, range(len(staging.blocks)), threads))
    return Design(blocks, plan.n_dense, plan.n_codes, staging.memory.budget)
