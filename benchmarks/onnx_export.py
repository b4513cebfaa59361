"""How exactly, and how fast, onnxruntime predicts what fastml exported, beside the compiled core.

Usage: ``python -m benchmarks.onnx_export``

The environment variable FASTML_DATA names the folder of the published data sets. A model with bins
learns from each table and is calibrated on it: by an isotonic curve, the steepest there is, or of
several classes by Platt. Each side has one thread and begins with columns in memory, onnxruntime
with tensors and the core with Arrow; times are of the process, the best of several rounds in turn.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from onnxruntime import InferenceSession, SessionOptions

from fastml import Pipeline, scan
from fastml.artifact import export_onnx
from fastml.serving import Predictor

SETS = {
    "telco_churn_mlc": "churn",
    "adult_income": "income",
    "census_income_kdd": "income",
    "credit_data": "Status",
    "diamonds": "cut",
    "ames_housing": "Sale_Price",
    "flights_3m": "delay",
}
ROWS, ROUNDS = 10_000, 7


def session_of(pipeline: Pipeline) -> InferenceSession:
    """Export a pipeline, and open it for one thread."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/model.onnx"
        export_onnx(pipeline, file)
        return InferenceSession(file, options)


def tensors(session: InferenceSession, rows: pa.RecordBatch) -> dict[str, np.ndarray[Any, Any]]:
    """Return columns as the inputs of a session."""
    found = {}
    for each in json.loads(session.get_modelmeta().custom_metadata_map["fastml.inputs"]):
        column = rows.column(each["name"])
        if each["tensor"] == "string":
            values = np.array(column.fill_null(each["missing"]).to_pylist(), object)
        elif each["tensor"] == "int64":
            stored = column.view(f"int{column.type.bit_width}").cast(pa.int64())
            values = stored.fill_null(each["missing"]).to_numpy()
        else:
            values = column.cast(each["tensor"], safe=False).to_numpy(zero_copy_only=False)
        found[each["name"]] = values.reshape(-1, 1)
    return found


def best(sides: list[Callable[[], Any]], calls: int) -> list[float]:
    """Return the microseconds that each side takes for a call, in turn."""
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(ROUNDS):
        for side, seconds in zip(sides, taken, strict=True):
            start = time.process_time()
            for _ in range(calls):
                side()
            seconds.append((time.process_time() - start) / calls)
    return [1e6 * min(seconds) for seconds in taken]


def measures(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield, of each table, the greatest difference of a score, and the times."""
    for name, target in SETS.items():
        data = scan(folder / name / "data.parquet")
        pipeline = Pipeline(target=target, bins=16).fit(data)
        if pipeline.task_ != "regression":
            pipeline.calibrate(data, "isotonic" if pipeline.task_ == "binary" else "platt")
        predictor, session = Predictor.of(pipeline), session_of(pipeline)
        table = pipeline.scan(folder / name / "data.parquet").to_table()
        (batch,) = table.select(predictor.batches.schema.names).combine_chunks().to_batches()
        expected = predictor.batches.scores(batch)
        *_, found = session.run(None, tensors(session, batch))
        found = found[:, 1] if pipeline.task_ == "binary" else found
        apart = np.max(np.abs(found - expected) / np.abs(expected))
        some = batch.slice(0, ROWS)
        one = batch.slice(0, 1)
        record = json.dumps(one.to_pylist(), default=str).encode()
        few, many = tensors(session, one), tensors(session, some)
        alone = best(
            [
                lambda p=predictor, r=record: p.answer(r, "json"),
                lambda p=predictor, b=one: p.scores(b),
                lambda s=session, t=few: s.run(None, t),
            ],
            300,
        )
        bulk = best(
            [
                lambda p=predictor, b=some: p.scores(b),
                lambda s=session, t=many: s.run(None, t),
            ],
            5,
        )
        yield (
            name,
            f"{len(batch):,} x {batch.num_columns}",
            f"{apart:.1g}",
            *(f"{each:.0f}" for each in alone),
            *(f"{each / 1e3:.1f}" for each in bulk),
        )


def main() -> None:
    """Print the table."""
    folder = os.environ.get("FASTML_DATA")
    if folder is None:
        sys.exit("set FASTML_DATA to the folder of the published data sets")
    heads = ("table", "rows x columns", "apart", "1 row: core, JSON (µs)", "core, Arrow", "ONNX")
    heads = (*heads, "10,000 rows: core (ms)", "ONNX")
    print("| " + " | ".join(heads) + " |")
    print("|---" * len(heads) + "|")
    for row in measures(Path(folder)):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
