"""Linear learners over design blocks."""

from __future__ import annotations

from fastml.linear_model.design import Design, DesignBlock

__all__ = ["Design", "DesignBlock"]
