"""Runs each kernel once between callgrind's marks. Started by `instructions.count`."""

from __future__ import annotations

import ctypes
import sys

from benchmarks.instructions.kernels import KERNELS

marks = ctypes.CDLL(sys.argv[1])
for name, prepare in KERNELS.items():
    call = prepare()
    call()  # what is done once in a process (symbols bound, memory grown) is not counted
    call = prepare()
    marks.begin()
    call()
    marks.end(name.encode())
