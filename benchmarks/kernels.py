"""Runs the kernels of training and encoding at every SIMD level, beside the machine's bandwidth.

Usage: ``python -m benchmarks.kernels [--rounds 5] [--write]``

Each level runs in a process of its own, in turn with the others; the best of the rounds counts,
in seconds of the processors over their number, so that a busy minute matters less. As in training
every core has a thread: blocks are shared out among them, and of stochastic steps each makes a
pass of its own. The share of the bandwidth is what a kernel has to read and write of a row once,
over the time that it takes, beside what NumPy copies on as many threads (its reading and its
writing counted) in the same process. What bounds a kernel:

- *dense columns*: bandwidth. Eight bytes in and four out a value; what is below a copy's speed is
  the transposition from columns to rows.
- *codes*: the cache. Four bytes in and out, and between them a gather from a table of 50 KB.
- *margins and gradient, one lane*: gathers. Ten of a row's thirty products have their weight
  anywhere in a vector of 12,700; one load a code whatever the level, so wider registers help with
  the twenty numbers alone, and the gradient must not scatter two rows to one place at once. Half
  the bandwidth is what ten loads and their addresses leave of it.
- *margins and gradient, 16 lanes*: arithmetic and the cache. Thirty multiply-adds of sixteen lanes
  for 120 bytes; a code's weights are a cache line of a matrix (0.8 MB; of the gradient, in float64,
  1.6 MB) that a level-2 cache just holds. A lane then costs a third to a tenth of one alone, and
  wide registers pay most.
- *stochastic steps*: latency and roots. Each batch of sixteen rows depends on the one before, and a
  step takes a root and a division for each weight that it touches; lanes share all but these.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.compare import ROOT
from benchmarks.machine import describe
from benchmarks.tables import TABLES, zipf
from fastml._native import simd
from fastml._native.codes import finish_codes
from fastml._native.encode import DenseEncoder
from fastml._native.linear import DesignKernels
from fastml.engine import BLOCK_ROWS, default_threads
from fastml.engine.memory import BlockMemory

LAYOUT = TABLES["D1"]
BLOCKS = 16
N_CODES = sum(LAYOUT.categories)
COPIED = 1 << 28
RESULT = Path(__file__).with_name("KERNELS.md")
ROW_BYTES = 4 * (LAYOUT.numeric + len(LAYOUT.categories))

Call = Callable[[int], object]
"""The work of a block; of stochastic steps, a whole pass."""


def allocate(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """Return an array as training has them, written once."""
    _, (array,) = BlockMemory().arrays((shape, dtype))
    array[:] = 0
    return array


def design() -> list[tuple[Any, Any, Any, None]]:
    """Return a million rows like those of D1, encoded."""
    draw = np.random.default_rng(0)
    starts = np.cumsum([0, *LAYOUT.categories[:-1]])
    blocks = []
    for _ in range(BLOCKS):
        dense = allocate((BLOCK_ROWS, LAYOUT.numeric), np.float32)
        dense[:] = draw.standard_normal(dense.shape, np.float32)
        codes = allocate((BLOCK_ROWS, len(starts)), np.int32)
        for column, (start, count) in enumerate(zip(starts, LAYOUT.categories, strict=True)):
            codes[:, column] = start + draw.choice(count, BLOCK_ROWS, p=zipf(count))
        target = (draw.random(BLOCK_ROWS) < 0.4).astype(np.float32)
        blocks.append((dense, codes, target, None))
    return blocks


def linear(blocks: list[Any], lanes: int) -> dict[str, tuple[int, int, Call]]:
    """Return the linear kernels: bytes a row, calls, and the call."""
    kernels = DesignKernels(blocks, N_CODES, lanes, "logistic")
    weights = allocate((kernels.rows, lanes), np.float32)
    weights[:-2] = np.random.default_rng(1).normal(size=(kernels.rows - 2, lanes)) / 10
    margins = [allocate((BLOCK_ROWS, lanes), np.float32) for _ in blocks]
    gradients = [allocate((kernels.rows, lanes), np.float64) for _ in blocks]
    nothing, each = np.zeros(lanes), np.ones(lanes)
    whole = np.array([[block, 0, BLOCK_ROWS] for block in range(BLOCKS)])

    def gradient(block: int) -> None:
        kernels.gradient(block, margins[block], None, nothing, gradients[block], np.zeros(lanes))

    def steps(_: int) -> None:
        kernels.stochastic(
            allocate((kernels.rows, 3, lanes), np.float32),
            np.zeros(kernels.rows, np.int32),
            whole,
            batch_size=16,
            adaptive=True,
            fit_intercept=True,
            weight_scale=each,
            rate=0.1 * each,
            l2=1e-6 * each,
            l1=nothing,
            loss=np.zeros(lanes),
        )

    name = f"{lanes} lane{'s' * (lanes > 1)}"
    return {
        f"margins, {name}": (
            ROW_BYTES + 4 * lanes,
            BLOCKS,
            lambda block: kernels.margins(block, weights, margins[block]),
        ),
        f"gradient, {name}": (ROW_BYTES + 4 + 4 * lanes, BLOCKS, gradient),
        f"stochastic steps, {name}": (ROW_BYTES + 4, 0, steps),
    }


def encoding() -> dict[str, tuple[int, int, Call]]:
    """Return the kernels that make encoded rows."""
    draw = np.random.default_rng(2)
    columns = np.arange(LAYOUT.numeric)
    zeros = np.zeros(LAYOUT.numeric, np.float32)
    encoder = DenseEncoder(
        zeros.astype(float), zeros, zeros + 1, zeros, columns, np.full(LAYOUT.numeric, -1)
    )
    batches = [
        pa.RecordBatch.from_arrays(
            [pa.array(draw.normal(size=BLOCK_ROWS)) for _ in columns], [str(c) for c in columns]
        )
        for _ in range(BLOCKS)
    ]
    rows = [allocate((BLOCK_ROWS, LAYOUT.numeric), np.float32) for _ in range(BLOCKS)]
    n = len(LAYOUT.categories)
    staged = [draw.integers(-1, N_CODES, (n, BLOCK_ROWS), np.int32) for _ in range(BLOCKS)]
    table = np.arange(-1, N_CODES + 1, dtype=np.int32)
    coded = [allocate((BLOCK_ROWS, n), np.int32) for _ in range(BLOCKS)]

    def codes(block: int) -> None:
        finish_codes([(column, None, table) for column in staged[block]], [], coded[block])

    return {
        "encode dense columns": (
            12 * LAYOUT.numeric,
            BLOCKS,
            lambda block: encoder.encode(batches[block], columns, rows[block]),
        ),
        "encode codes": (8 * n, BLOCKS, codes),
    }


def seconds(pool: ThreadPoolExecutor, call: Call, calls: int, threads: int) -> float:
    """Return the least time that the calls take."""
    best = np.inf
    for _ in range(4):  # the first brings the memory
        began = time.process_time()
        for _ in pool.map(call, range(calls)):
            pass
        best = min(best, time.process_time() - began)
    return best / threads


def measure() -> dict[str, Any]:
    """Return million rows and GB a second of each kernel, and those of a copy."""
    threads = default_threads()
    parts = [
        (np.ones(COPIED // threads // 8), np.ones(COPIED // threads // 8)) for _ in range(threads)
    ]
    found: dict[str, Any] = {}
    with ThreadPoolExecutor(threads) as pool:
        took = seconds(pool, lambda part: np.copyto(*parts[part]), threads, threads)
        found["copy"] = 2 * COPIED / took / 1e9
        blocks = design()
        for name, (size, calls, call) in (
            linear(blocks, 1) | linear(blocks, 16) | encoding()
        ).items():
            passes = 1 if calls else threads
            took = seconds(pool, call, calls or threads, threads)
            rows = passes * BLOCKS * BLOCK_ROWS
            found[name] = {"rows": rows / took / 1e6, "gb": rows * size / took / 1e9, "bytes": size}
    return found


def at_level(level: str) -> dict[str, Any]:
    """Measure in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernels", "--child"],
        cwd=ROOT,
        env=os.environ | {"FASTML_SIMD": level},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(run.stdout.splitlines()[-1]))


def page(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return the table: rows a second at each level, ratios to the lowest, share of a copy."""
    levels = list(found)
    copy = max(each["copy"] for rounds in found.values() for each in rounds)
    lines = [
        f"A copy moves {copy:.1f} GB/s.",
        "",
        "| kernel | bytes a row | "
        + " | ".join(f"{level}, million rows/s" for level in levels)
        + " | "
        + " | ".join(f"{level} × {levels[0]}" for level in levels[1:])
        + " | GB/s | share of a copy |",
        "|---" + "|--:" * (2 * len(levels) + 2) + "|",
    ]
    for name in found[levels[0]][0]:
        if name == "copy":
            continue
        rows = [max(each[name]["rows"] for each in found[level]) for level in levels]
        size = found[levels[0]][0][name]["bytes"]
        gb = rows[-1] * size / 1e3
        cells = [name, f"{size}", *(f"{each:.1f}" for each in rows)]
        cells += [f"{each / rows[0]:.2f}" for each in rows[1:]]
        cells += [f"{gb:.1f}", f"{gb / copy:.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(measure()))
        return
    found: dict[str, list[dict[str, Any]]] = {level: [] for level in simd.available()}
    for _ in range(asked.rounds):
        for level, rounds in found.items():
            rounds.append(at_level(level))
    table = page(found)
    print(table)
    if asked.write:
        machine = describe()
        _, about = __doc__.split("Each level", 1)
        RESULT.write_text(
            f"# Kernels at every SIMD level\n\n{machine['cores']} cores of {machine['processor']}; "
            f"`python -m benchmarks.kernels --write`.\n\n{table}\n\nEach level{about}",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
