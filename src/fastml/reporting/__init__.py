"""Self-contained HTML pages and small drawings."""

from __future__ import annotations
