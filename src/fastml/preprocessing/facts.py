"""What the first pass found out about each column, as screening asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fastml.preprocessing.association import target_associations
from fastml.preprocessing.screening import ColumnFacts
from fastml.preprocessing.staging import Staging
from fastml.profile.roles import SAMPLE, Evidence, decide_role
from fastml.schema import Role

__all__ = ["staged_facts"]


def staged_facts(
    staging: Staging,
    columns: Sequence[str],
    task: str,
    skipped: Collection[str] = (),
) -> list[ColumnFacts]:
    """Gather the facts of every candidate column.

    Parameters
    ----------
    staging : Staging
        After the first pass, its targets already coded.
    columns : sequence of str
        The candidates, among them those that were not staged because they are `skipped`.
    task : {"binary", "multiclass", "regression"}
    """
    associations = target_associations(staging, task)
    words = (
        "its absolute rank correlation with the target"
        if task == "regression"
        else "|2 AUC - 1| of it alone"
    )
    facts = []
    for name in columns:
        role, reason = Role.NUMERIC, ""
        if name not in skipped:
            role, reason = decide_role(_evidence(staging, name))
        facts.append(
            ColumnFacts(
                name=name,
                role=role,
                reason=reason,
                association=associations.get(name),
                association_as=words,
            )
        )
    return facts


def _evidence(staging: Staging, name: str) -> Evidence:
    """Return what the role of a column is decided from."""
    type_ = staging.schema.field(name).type
    if name in staging.text:
        seen = staging.categories[staging.text.index(name)]
        return Evidence(
            name=name,
            type=type_,
            present=staging.n_rows - int(seen.nulls),
            missing=int(seen.nulls),
            distinct=len(seen) + int(seen.others),
            sample=seen.categories()[:SAMPLE].to_pylist(),
        )
    if name in staging.numeric:
        j = staging.numeric.index(name)
        present = int(staging.moments.count[j])
        return Evidence(
            name=name,
            type=type_,
            present=present,
            missing=staging.n_rows - present,
            distinct=float(staging.distinct.estimate()[j]),
            min=float(staging.moments.min[j]),
            max=float(staging.moments.max[j]),
            sample=staging.samples[j],
        )
    return Evidence(name=name, type=type_, present=0, missing=staging.n_rows, distinct=0)
