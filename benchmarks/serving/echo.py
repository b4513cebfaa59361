"""A bare server: it sends back what it got. Usage: ``python -m benchmarks.serving.echo PORT``."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the body of the request."""
    body = (await receive()).get("body", b"")
    length = b"%d" % len(body)
    headers = [(b"content-type", b"text/csv"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        echo,
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
