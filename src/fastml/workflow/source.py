"""The table that a project names."""

from __future__ import annotations

from fastml.data import Source, scan
from fastml.errors import SchemaError, did_you_mean
from fastml.pipeline.target import check_target_type
from fastml.workflow.project import Project

__all__ = ["open_source"]


def open_source(project: Project) -> Source:
    """Scan the source of a project, and check that the columns that the project names are in it.

    Every stage sees it in canonical types, as the pipeline does: field b of a struct a is `a.b`.

    Raises
    ------
    SchemaError
        If a column is not there, or cannot be the target.
    """
    source = scan(project.source, **project.data.options()).canonical()
    names = tuple(source.schema.names)
    wanted = {
        "[problem] target": [project.problem.target],
        "[problem] weight": [project.problem.weight] if project.problem.weight else [],
        "[split] column": [project.split.column] if project.split.column else [],
        **{f"[features] {key}": columns for key, columns in project.features.lists().items()},
        **{
            f"[learner] {key}": columns
            for key, columns in project.learner.bending.columns(names).items()
        },
    }
    for key, columns in wanted.items():
        for column in columns:
            if column not in names:
                raise SchemaError(
                    f"{key} names the column {column!r}, which {source.name} does not have"
                    f"{did_you_mean(column, names, listed=True)}"
                )
    check_target_type(source.schema.field(project.problem.target), source.name)
    return source
