"""Measures servers beside one another, each on a core of its own, asked from another core.

Usage: ``python -m benchmarks.serving [--seconds 10] [--write]``

``--write`` writes SERVING.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import fastml
from benchmarks.machine import describe
from benchmarks.serving.load import request
from benchmarks.serving.server import PORT, serving
from benchmarks.serving.stack import has_nginx
from benchmarks.tables import PUBLISHED
from fastml.serving import Predictor

RESULT = Path(__file__).parents[1] / "SERVING.md"
TARGET = "churn"
MANY = 10_000


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    wanted = parser.parse_args()
    preamble = _preamble()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory() as folder:
        lines = list(_measured(Path(folder), cores[0], wanted.seconds))
    page = "\n".join([*preamble, *lines, ""])
    print(page)
    if wanted.write:
        RESULT.write_text(page, "utf-8")


def _preamble() -> list[str]:
    machine = describe()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        "# Serving, beside a bare server and the usual stack",
        "",
        "The churn model that comes with fastml, answered over HTTP by one worker on a core of "
        "its own, asked on kept connections from another core (`python -m benchmarks.serving "
        "--write`). *echo* is uvicorn with uvloop and httptools sending back what it got; *usual* "
        "is nginx, gunicorn, flask, pandas and a scikit-learn pipeline of the same columns, as in "
        "the scikit-learn container. CPU is of "
        "all the server's processes.",
        "",
        f"Taken on {machine['cores']} cores of {machine['processor']}, {versions}.",
        "",
    ]


def _measured(folder: Path, core: int, seconds: float) -> Iterator[str]:
    table = pq.read_table(PUBLISHED["churn"])
    pipeline = fastml.Pipeline(target=TARGET).fit(table)
    pipeline.save(folder / "model")
    predictor = Predictor.of(pipeline)
    rows = table.select(predictor.batches.schema.names)
    usual = _usual_model(folder, table, predictor.batches.schema.names)
    python = sys.executable
    commands = {
        "echo": [python, "-m", "benchmarks.serving.echo", str(PORT)],
        "fastml": [python, "-m", "fastml", "serve", str(folder / "model"), "--port", str(PORT)],
        "usual": [python, "-m", "benchmarks.serving.stack", str(PORT)],
    }
    if not has_nginx():
        sys.exit("the usual stack has nginx in front, which is not installed")
    one, many = rows.slice(0, 1), pa.concat_tables([rows] * 2).slice(0, MANY)
    bodies = {
        "one row of CSV": request("/invocations", "text/csv", _csv(one)),
        "one row of JSON": request("/invocations", "application/json", _json(one)),
    }
    large = request("/invocations", "text/csv", _csv(many))

    yield "| | requests/s | CPU µs a request | × echo | p50 ms | p99 ms | errors |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    cost: dict[tuple[str, str], float] = {}
    starts: dict[str, tuple[float, float]] = {}
    tails: list[str] = []
    for side, command in commands.items():
        with serving(command, core, {"MODEL": str(usual)}) as server:
            starts[side] = server.started, server.memory()
            for name, body in bodies.items():
                for connections in (1, 16, 64):
                    (load,), cpu = server.under(seconds, (body, connections, 0.0))
                    each = 1e6 * cpu / len(load.latencies)
                    what = f"{name}, {connections} connection{'s'[: connections > 1]}"
                    cost[side, what] = each
                    ratio = each / cost["echo", what]
                    rate = len(load.latencies) / load.seconds
                    yield (
                        f"| {side}: {what} | {rate:,.0f} | {each:,.1f} | {ratio:.2f} "
                        f"| {load.quantile(0.5):.2f} | {load.quantile(0.99):.2f} "
                        f"| {load.bad} |"
                    )
            if side != "echo":
                body = bodies["one row of CSV"]
                (small, big), _ = server.under(seconds, (body, 4, 0.005), (large, 1, 0.0))
                tails.append(
                    f"| {side} | {len(big.latencies) / big.seconds * MANY:,.0f} "
                    f"| {small.quantile(0.5):.2f} | {small.quantile(0.99):.2f} "
                    f"| {small.bad + big.bad} |"
                )
    yield ""
    yield "One-row requests beside jobs of 10,000 rows of CSV, one after the other:"
    yield ""
    yield "| | rows/s of the jobs | one row: p50 ms | p99 ms | errors |"
    yield "|---|--:|--:|--:|--:|"
    yield from tails
    yield ""
    yield "| | start to a good /ping, s | memory of the largest process, MB |"
    yield "|---|--:|--:|"
    for side, (started, memory) in starts.items():
        yield f"| {side} | {started:.2f} | {memory:.0f} |"
    yield ""
    yield from _in_process(predictor, many, usual)


def _usual_model(folder: Path, table: pa.Table, names: list[str]) -> Path:
    import joblib
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = table.select(names).to_pandas()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    model = make_pipeline(
        make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (texts, make_column_selector(dtype_exclude="number")),
        ),
        LogisticRegression(max_iter=1000),
    ).fit(rows, table[TARGET].to_pandas())
    path = folder / "usual.joblib"
    joblib.dump(model, path)
    return path


def _csv(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(rows, sink, pyarrow.csv.WriteOptions(include_header=False))
    return sink.getvalue()


def _json(rows: pa.Table) -> bytes:
    return json.dumps({"instances": rows.to_pylist()}).encode()


def _in_process(predictor: Predictor, rows: pa.Table, usual: Path) -> Iterator[str]:
    """Measure 10,000 rows in the predictor alone, and in the usual one."""
    import joblib
    import pandas as pd

    model = joblib.load(usual)
    names = list(model.feature_names_in_)
    text, batch = _csv(rows), rows.combine_chunks().to_batches()[0]

    def as_usual() -> Any:
        found = model.predict_proba(pd.read_csv(io.BytesIO(text), header=None, names=names))
        return "\n".join(map(str, found[:, 1]))

    sides: dict[str, Callable[[], Any]] = {
        "fastml, CSV to CSV": lambda: predictor.answer(text, "csv", accept="csv"),
        "fastml, Arrow to scores": lambda: predictor.batches.scores(batch),
        "pandas and scikit-learn, CSV to CSV": as_usual,
    }
    yield f"{MANY:,} rows in process, on one core:"
    yield ""
    yield "| | rows/s |"
    yield "|---|--:|"
    for name, side in sides.items():
        times = []
        for _ in range(15):
            began = time.process_time()
            side()
            times.append(time.process_time() - began)
        yield f"| {name} | {MANY / sorted(times)[len(times) // 2]:,.0f} |"


if __name__ == "__main__":
    main()
