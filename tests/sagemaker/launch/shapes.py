"""What the services' own models say of a request, beyond what boto3 checks of itself.

boto3 checks names, types and lower bounds. It sends what is too long, too many, in no enumeration
or against a pattern, and the service refuses that; moto does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

__all__ = ["faults"]


def faults(value: Any, shape: Shape, where: str = "") -> Iterator[str]:
    """Yield what a service would refuse of a request that boto3 sends."""
    limits = shape.metadata
    if shape.type_name in ("string", "list", "map") and len(value) > limits.get("max", len(value)):
        yield f"{where}: {len(value)} is more than {limits['max']}"
    if shape.type_name in ("integer", "long") and value > limits.get("max", value):
        yield f"{where}: {value} is more than {limits['max']}"
    if shape.type_name == "string":
        if value not in limits.get("enum", [value]):
            yield f"{where}: {value!r} is not known"
        if not _matches(limits.get("pattern"), value):
            yield f"{where}: {value!r} is not {limits['pattern']}"
    elif shape.type_name == "structure":
        for name, each in value.items():
            yield from faults(each, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from faults(each, shape.member, f"{where}[{number}]")
    elif shape.type_name == "map":
        for name, each in value.items():
            yield from faults(name, shape.key, f"{where} key")
            yield from faults(each, shape.value, f"{where}.{name}")


def _matches(pattern: str | None, value: str) -> bool:
    """Whether a text is as a pattern has it; classes of Unicode are not Python's, and pass."""
    if pattern is None or r"\p{" in pattern or r"\u" in pattern:
        return True
    return re.fullmatch(pattern, value, re.DOTALL) is not None
