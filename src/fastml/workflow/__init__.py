"""From a project file to a judged model: the whole loop as one run."""

from __future__ import annotations
