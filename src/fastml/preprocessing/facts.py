"""What the first pass found out about each column, as screening asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from fastml.preprocessing.association import target_associations
from fastml.preprocessing.conform import is_category_type, is_dense_type
from fastml.preprocessing.screening import ColumnFacts
from fastml.preprocessing.staging import Staging

__all__ = ["staged_facts"]


def staged_facts(
    staging: Staging,
    schema: pa.Schema,
    columns: Sequence[str],
    task: str,
    skipped: Collection[str] = (),
) -> list[ColumnFacts]:
    """Gather the facts of every candidate column.

    Parameters
    ----------
    staging : Staging
        After the first pass, its targets already coded.
    schema : pyarrow.Schema
        The table's columns.
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
        role, reason = "feature", ""
        if name not in skipped:
            role, reason = _role(staging, name, schema.field(name).type)
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


def _role(staging: Staging, name: str, type_: pa.DataType) -> tuple[str, str]:
    if is_category_type(type_):
        return _text_role(staging, staging.text.index(name))
    if not is_dense_type(type_):
        return "unsupported", f"its type is {type_}"
    j = staging.numeric.index(name)
    moments = staging.moments
    if moments.count[j] == 0:
        return "constant", "it has no values"
    if moments.count[j] == staging.n_rows and moments.min[j] == moments.max[j]:
        return "constant", f"every row has {moments.min[j]:g}"
    return "numeric", ""


def _text_role(staging: Staging, j: int) -> tuple[str, str]:
    seen = staging.categories[j]
    counts = seen.counts()
    present = int(counts.sum()) + int(seen.others)
    if present == 0:
        return "constant", "it has no values"
    if len(counts) == 1 and seen.nulls == 0:
        return "constant", f"every row has {seen.categories()[0].as_py()!r}"
    if present > 20 and np.count_nonzero(counts == 1) + int(seen.others) > 0.9 * present:
        return "identifier", "nearly every value occurs once"
    return "categorical", ""
