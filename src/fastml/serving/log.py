"""What a server says of itself: a line of JSON an event, without payloads or personal data."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any

__all__ = ["say"]


def say(event: str, **facts: Any) -> None:
    """Write an event to standard error, if that can be written to."""
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    line = json.dumps({"at": at, "event": event} | facts, ensure_ascii=False, default=str)
    with suppress(OSError):  # whoever read the log has gone: requests are answered all the same
        print(line, file=sys.stderr, flush=True)
