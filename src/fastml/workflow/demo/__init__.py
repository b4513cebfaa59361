"""`fastml demo`: the whole loop on a published churn table, told as a story."""

from __future__ import annotations

from fastml.workflow.demo.story import demo_project, tell

__all__ = ["demo_project", "tell"]
