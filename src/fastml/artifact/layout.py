"""What an artifact directory holds, and how its manifest proves that it is whole.

::

    model/
      manifest.json          format, versions, the model's facts, size and digest of every file
      NAME.arrow             a table each, Arrow IPC file format
      predictor.safetensors  the model once more, as what answers requests takes it

`manifest.json` is one JSON object::

    {"format": "fastml", "format_version": 2, "fastml_version": "0.1.0",
     "model": {...},                                     what was passed to write_artifact
     "files": {"NAME.arrow": {"bytes": 123, "sha256": "..."}},
     "sha256": "..."}                                    of everything above, as canonical JSON

The second form is for a server that starts at once; it is made of the same parts at the same time,
and what lacks it (format 1) is opened by its tables.

Nothing in it depends on when or where it was written: the same model gives the same bytes.
A digest tells damage from wholeness; it does not tell who wrote the artifact.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

FORMAT = "fastml"
FORMAT_VERSION = 2
MANIFEST = "manifest.json"
TABLE = ".arrow"
PREDICTOR = "predictor.safetensors"
TABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # no separator, no dot: no way out
FILE_NAME = re.compile(rf"{TABLE_NAME.pattern}{re.escape(TABLE)}|{re.escape(PREDICTOR)}")


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content`, as hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the digest of a manifest, its own entry `sha256` left out.

    Raises
    ------
    ValueError, TypeError
        If it holds what JSON cannot: NaN, infinities, other types.
    """
    rest = {name: value for name, value in manifest.items() if name != "sha256"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return digest(canonical.encode())
