"""Run the kernel tests under the address and undefined-behaviour sanitizers.

The package is built once more into build/sanitize, apart from the one that is in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLACE = Path("build/sanitize").resolve()
COMPILER = os.environ.get("CXX", "c++")


def runtime(name: str) -> str:
    """Return the path of a library that the compiler ships."""
    command = [*COMPILER.split(), f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


build = [sys.executable, "setup.py", "-q", "build", f"--build-base={PLACE}", f"--build-lib={PLACE}"]
subprocess.run(
    build,
    check=True,
    env=os.environ | {"CC": COMPILER, "FASTML_SANITIZE": "address,undefined"},
)
environment = os.environ | {
    # The C++ library comes with it: else an exception thrown by a module is not seen by ASan.
    "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libstdc++.so')}",
    "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter never frees all that it allocates
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONPATH": str(PLACE),
    "PYTHONMALLOC": "malloc",  # so that ASan sees the edges of Python's own buffers
}
test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "kernel"]
sys.exit(subprocess.run([*test, *sys.argv[1:]], env=environment, check=False).returncode)
