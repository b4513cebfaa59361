"""A program that keeps nothing of SageMaker's contract: it shows that the test of it can fail."""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers anything with 200 and the same words."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"fine")
        self.close_connection = True

    do_GET = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


def train(root: Path) -> int:
    """Train nothing; succeed, whatever is asked, and litter."""
    print("Traceback of nothing")
    (root / "model" / "model").write_text(f"{time.time_ns()}")
    (root / "litter").write_text("here")
    (root / "input" / "spoilt").write_text("here, too")
    if "epochs" in (root / "input" / "config" / "hyperparameters.json").read_text():
        until = time.monotonic() + 1.0  # so that there is something to cut off
        while time.monotonic() < until:
            time.sleep(0.05)
    return 0


def serve() -> int:
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(2):  # of which none is replaced
        if not os.fork():
            server.serve_forever()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(
        serve() if sys.argv[1:] == ["serve"] else train(Path(os.environ["SAGEMAKER_BASE_DIR"]))
    )
