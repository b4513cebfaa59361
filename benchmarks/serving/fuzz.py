"""Sends a server bodies that are nearly right, of every type, and notes what it does.

Usage: ``python -m benchmarks.serving.fuzz [--bodies 100000] [--seed 0]``

Exit 1 if an answer was 500, a connection was lost, or a worker had to be replaced.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import fastml
from benchmarks.serving.server import PORT, serving
from benchmarks.tables import PUBLISHED
from fastml.serving.media import ACCEPTED, READ

NUMBERS = [
    b"",
    b"-1",
    b"1e309",
    b"NaN",
    b"inf",
    b"-0",
    b"1" * 400,
    b"0x10",
    b"1_000",
    b"\xff",
    b"null",
]


def main() -> None:
    """Send, count, and say how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    rng = random.Random(wanted.seed)
    table = pq.read_table(PUBLISHED["churn"])
    pipeline = fastml.Pipeline(target="churn").fit(table)
    rows = table.select(pipeline.input_schema_.names)
    with tempfile.TemporaryDirectory() as folder:
        pipeline.save(Path(folder) / "model")
        command = [sys.executable, "-m", "fastml", "serve", f"{folder}/model", "--port", str(PORT)]
        with serving(command, 0) as server:
            before = server.pids()
            seen = _send(rng, wanted.bodies, _seeds(rows))
            same, memory = server.pids() == before, server.memory()
    for (kind, status), count in sorted(seen.items()):
        print(f"{kind:40} {status:>6} {count:9,}")
    print(f"the worker {'lives' if same else 'was replaced'}; {memory:.0f} MB")
    if not same or any(status in ("500", "lost") for _, status in seen):
        sys.exit(1)


def _seeds(rows: pa.Table) -> dict[str, list[bytes]]:
    """Return good bodies of every type."""
    seeds: dict[str, list[bytes]] = {}
    few = [rows.slice(0, 1), rows.slice(5, 7), rows.slice(0, 0)]
    for name, kind in READ.items():
        seeds[name] = [_body(kind, each) for each in few]
    return seeds


def _body(kind: str, rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    if kind == "csv":
        pyarrow.csv.write_csv(rows, sink)
    elif kind == "json":
        return json.dumps({"instances": rows.to_pylist()}).encode()
    elif kind == "lines":
        return "\n".join(map(json.dumps, rows.to_pylist())).encode()
    elif kind == "parquet":
        pq.write_table(rows, sink)
    elif kind == "npy":
        np.save(sink, np.zeros((rows.num_rows, rows.num_columns)))
    else:
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
    return sink.getvalue()


def _damaged(rng: random.Random, body: bytes) -> bytes:
    """Return a body with a few things done to it."""
    found = bytearray(body)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(7):
            case 0:
                found[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del found[at : at + rng.randrange(1, 30)]
            case 2:
                found[at:at] = rng.choice(NUMBERS)
            case 3:
                found[at:at] = found[at : at + rng.randrange(1, 200)]
            case 4:
                del found[at:]
            case 5:
                found[at:at] = rng.choice(
                    [b'"', b",", b"\n", b"{", b"}", b"[", b"]", b"\x00", b"\\"]
                )
            case _:
                found[at : at + 4] = rng.randbytes(4)
    return bytes(found)


def _send(rng: random.Random, n: int, seeds: dict[str, list[bytes]]) -> Counter[tuple[str, str]]:
    seen: Counter[tuple[str, str]] = Counter()
    types = list(seeds)
    accepts = [*ACCEPTED, "*/*", "text/html", "text/csv;header=present"]
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    for _ in range(n):
        kind = rng.choice(types)
        body = _damaged(rng, rng.choice(seeds[kind if rng.random() < 0.95 else rng.choice(types)]))
        head = {"Content-Type": kind, "Accept": rng.choice(accepts)}
        explain = "?explain=1" if rng.random() < 0.02 else ""
        try:
            connection.request("POST", f"/invocations{explain}", body, head)
            answer = connection.getresponse()
            content = answer.read()
            status = str(answer.status)
            if status == "400" and not re.search(rb'"error": *"[^"]', content):
                status = "400 without a cause"
        except (OSError, http.client.HTTPException):
            status = "lost"
            connection.close()
        seen[kind, status] += 1
    return seen


if __name__ == "__main__":
    main()
