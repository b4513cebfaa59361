"""Settings as TOML text: what a run did, written so that it can be run again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["toml_text", "toml_value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return sections of settings as a TOML file; a section without settings is left out."""
    return "\n".join(
        f"[{name}]\n" + "".join(f"{_key(key)} = {toml_value(v)}\n" for key, v in section.items())
        for name, section in sections.items()
        if section
    )


def toml_value(value: Any) -> str:
    """Return text, a number, a truth, a list or a mapping of them as TOML on one line."""
    if isinstance(value, str):
        # A basic string has JSON's escapes; of the control characters JSON leaves one as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    return "[" + ", ".join(map(toml_value, value)) + "]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml_value(name)
