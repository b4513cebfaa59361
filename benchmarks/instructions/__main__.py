"""Print the kernels' instruction counts beside the committed ones; ``--accept`` commits them."""

from __future__ import annotations

import sys

from benchmarks.instructions import FIGURES, accept, committed, count

counts = count()
before = committed() if FIGURES.exists() else {}
for kernel, n in sorted(counts.items()):
    was = f"{100 * (n / before[kernel] - 1):+6.1f}%" if kernel in before else "    new"
    print(f"{kernel:40} {n:>12,} {was}")
if "--accept" in sys.argv[1:]:
    accept(counts)
