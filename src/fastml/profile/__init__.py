"""What is in a table: mergeable statistics of every column, gathered in one pass."""

from __future__ import annotations

from fastml.profile.column import ColumnProfile
from fastml.profile.roles import Evidence, decide_role
from fastml.profile.table import TableProfile, profile

__all__ = ["ColumnProfile", "Evidence", "TableProfile", "decide_role", "profile"]
