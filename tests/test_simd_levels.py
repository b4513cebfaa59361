"""Every kernel test passes at every SIMD level that this machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastml._native import simd

NATIVE_TESTS = Path(__file__).parent / "native"
OTHERS = [level for level in simd.available() if level != simd.level()]  # this run has the first


@pytest.mark.parametrize("level", OTHERS)
def test_kernels_at(level: str) -> None:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "kernel", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, str(NATIVE_TESTS)],
        env=os.environ | {"FASTML_SIMD": level},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"FASTML_SIMD={level}\n{run.stdout[-5000:]}{run.stderr[-2000:]}"


@pytest.mark.parametrize("name", ["avx3", ""])
def test_an_unknown_level_is_refused(name: str) -> None:
    command = [sys.executable, "-c", "import fastml._native.simd"]
    run = subprocess.run(
        command,
        env=os.environ | {"FASTML_SIMD": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "ConfigError: FASTML_SIMD" in run.stderr
    assert "baseline" in run.stderr
