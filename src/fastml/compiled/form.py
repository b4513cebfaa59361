"""What the compiled predictor is made of: facts, and tensors beside them, as one file.

The file has the layout of safetensors: the length of a header (8 bytes, little-endian), the header
(JSON: for each tensor its type, shape and place), and the tensors' bytes. The facts are JSON, too,
in the header's `__metadata__`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fastml.errors import ArtifactError

__all__ = ["VERSION", "CompiledForm"]

VERSION = 1
"""Of the facts. A form of another version is made anew from the model it belongs to."""

# The widest stand first, so that all are aligned.
_CODES: Mapping[str, Any] = {"F64": "d", "I64": "q", "F32": "f", "I32": "i", "U8": "B"}
_TYPES = {"d": "F64", "q": "I64", "l": "I64", "f": "F32", "i": "I32", "B": "U8"}
_FACTS = "fastml"
_NAMES = {
    "fields", "dialect", "infinite_is_missing", "threshold", "input", "output", "task", "target",
    "classes", "model",
}  # fmt: skip
_METADATA = "__metadata__"


@dataclass(frozen=True, slots=True)
class CompiledForm:
    """The parts of a compiled predictor.

    Parameters
    ----------
    facts : mapping
        What JSON can hold; `describe` says which.
    tensors : mapping of str to memoryview
        Float64, float32, int64, int32 and bytes, C-contiguous, of one or two dimensions.
    """

    facts: Mapping[str, Any]
    tensors: Mapping[str, memoryview]

    def to_bytes(self) -> bytes:
        """Return the content of a file."""
        header: dict[str, Any] = {
            _METADATA: {_FACTS: json.dumps(self.facts, allow_nan=False), "version": str(VERSION)}
        }
        types = {name: _TYPES[each.format] for name, each in self.tensors.items()}
        order = sorted(types, key=lambda name: (list(_CODES).index(types[name]), name))
        begin = 0
        for name in order:
            end = begin + self.tensors[name].nbytes
            shape = list(self.tensors[name].shape or ())
            header[name] = {"dtype": types[name], "shape": shape, "data_offsets": [begin, end]}
            begin = end
        words = json.dumps(header, separators=(",", ":")).encode()
        words += b" " * (-len(words) % 8)
        parts = (self.tensors[name].tobytes() for name in order)
        return b"".join([len(words).to_bytes(8, "little"), words, *parts])

    @classmethod
    def from_bytes(cls, content: bytes) -> Self | None:
        """Restore what `to_bytes` wrote; None if it is of another version.

        Raises
        ------
        ArtifactError
            If it is no such file.
        """
        try:
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            metadata = header.pop(_METADATA)
            if metadata["version"] != str(VERSION):
                return None
            data = memoryview(content)[8 + size :]
            tensors = {name: _tensor(data, stated) for name, stated in header.items()}
            facts = json.loads(metadata[_FACTS])
            lacks = (_NAMES - facts.keys()) | ({"schema"} - tensors.keys())
            if lacks:
                raise ValueError(f"it lacks {', '.join(sorted(lacks))}")
            return cls(facts, tensors)
        except (
            ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
        ) as error:  # fmt: skip
            raise ArtifactError(
                f"the model's compiled form is damaged ({error!r}); save the model again"
            ) from error


def _tensor(data: memoryview, stated: Mapping[str, Any]) -> memoryview:
    begin, end = stated["data_offsets"]
    code, shape = _CODES[stated["dtype"]], list(map(int, stated["shape"]))
    if not 0 <= begin <= end <= len(data) or len(shape) not in (1, 2) or min(shape) < 0:
        raise ValueError(f"a tensor of {stated}")
    found: memoryview = data[begin:end].cast(code)
    if math.prod(shape) != len(found):
        raise ValueError(f"a tensor of {stated}")
    return found if len(shape) == 1 else data[begin:end].cast(code, shape)
