"""Turns what the jobs found into tables.

Usage: ``python -m benchmarks.results FOUND.json RESULTS.md``, with the JSON of pytest-benchmark.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare import ratio

HEAD = ("job", "side", "wall s", "CPU s", "peak MB", "× wall", "× CPU", "× peak", "figures")


def rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each side of a job; the ratios say what the side took for fastml's one."""
    for side, took in found["sides"].items():
        ratios = ("wall_s", "cpu_s", "peak_bytes")
        yield (
            found["title"] if side == "fastml" else "",
            side,
            f"{took['wall_s']:.3f}",
            f"{took['cpu_s']:.3f}",
            f"{took['peak_bytes'] / 1e6:,.0f}",
            *("" if side == "fastml" else f"{ratio(found, side, what):.2f}" for what in ratios),
            ", ".join(f"{name} {value:.5g}" for name, value in took["figures"].items()),
        )
    for side, reason in found.get("absent", {}).items():
        yield ("", side, *[""] * 6, f"absent: {reason}")


def ratio_table(jobs: list[dict[str, Any]]) -> str:
    """Return the jobs as a table for a terminal."""
    lines = [HEAD, *(line for found in jobs for line in rows(found))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    return "\n".join(line.rstrip() for line in text)


def verdicts(found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield what is wanted of a job, with the figure that was found, and whether it holds.

    Nothing is wanted of absent sides: the table names them.
    """
    wanted, figures = found["wanted"], found["sides"]["fastml"]["figures"]
    for what, measure in (("faster", "wall_s"), ("smaller", "peak_bytes")):
        for side, least in wanted[what].items():
            if side not in found["sides"]:
                continue
            got = ratio(found, side, measure)
            yield f"{least:g} times {what} than {side}: {got:.2f} times", got >= least
    for name, least in wanted["least"].items():
        yield f"{name} at least {least:g}: {figures[name]:.5g}", figures[name] >= least
    for name, most in wanted["most"].items():
        yield f"{name} at most {most:g}: {figures[name]:.5g}", figures[name] <= most


def markdown(document: dict[str, Any]) -> str:
    """Return the whole page."""
    machine = document["machine_info"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    jobs = [benchmark["extra_info"] for benchmark in document["benchmarks"]]
    page = [
        "# Results",
        "",
        f"Taken at {document['datetime'][:16]} UTC on {machine['cores']} cores of "
        f"{machine['processor']} with {machine['memory_gb']} GB, SIMD level {machine['simd']}, "
        f"Python {machine['python']}, {versions}. Made by `make bench`; see [README](README.md).",
        "",
        "Each side ran in a process of its own, in turn with the others; the figures are medians "
        "over the rounds, the peak is the largest. × is what a side took for fastml's one.",
        "",
    ]
    for found in jobs:
        page += [f"## {found['title']}", ""]
        page += [
            f"Table {found['table']}, {found['rows']:,} rows, {found['threads']} "
            f"{'core' if found['threads'] == 1 else 'cores'}, {found['rounds']} rounds.",
            "",
        ]
        page += ["| " + " | ".join(HEAD[1:]) + " |", "|---" + "|--:" * 6 + "|---|"]
        page += ["| " + " | ".join(line[1:]) + " |" for line in rows(found)]
        page += [""]
        page += [f"- {'met' if met else '**missed**'}: {words}" for words, met in verdicts(found)]
        page += [""]
    return "\n".join(page).rstrip() + "\n"


if __name__ == "__main__":
    source, destination = map(Path, sys.argv[1:])
    document = json.loads(source.read_text(encoding="utf-8"))
    destination.write_text(markdown(document), encoding="utf-8")
