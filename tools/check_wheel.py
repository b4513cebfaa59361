"""Check the wheel in a folder: what it holds, and that it works from outside the source tree.

Usage: python tools/check_wheel.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

COMPILED_MB = 3.0
INSTALLED_MB = 280.0
SOURCES = (".pyx", ".pxd", ".hpp", ".cpp", ".inc")
USE = """
import sys, fastml, fastml.linear_model, fastml.preprocessing
from fastml._native import simd
assert sys.prefix in fastml.__file__, fastml.__file__
print("fastml", fastml.__version__, "at", simd.level(), "from", fastml.__file__)
"""


def check_contents(wheel: Path) -> None:
    """Fail if the wheel holds sources, lacks the typing marker or has too much compiled code."""
    entries = zipfile.ZipFile(wheel).infolist()
    names = {entry.filename for entry in entries}
    if stray := sorted(name for name in names if name.endswith(SOURCES)):
        sys.exit(f"{wheel.name} holds sources that belong in the sdist alone: {', '.join(stray)}")
    if "fastml/py.typed" not in names:
        sys.exit(f"{wheel.name} lacks fastml/py.typed")
    compiled = sum(entry.file_size for entry in entries if entry.filename.endswith(".so")) / 1e6
    print(f"{wheel.name}: {len(names)} files, {compiled:.2f} MB of compiled code")
    if not 0 < compiled < COMPILED_MB:
        sys.exit(f"expected compiled code above 0 and below {COMPILED_MB} MB, got {compiled:.2f}")


def check_use(wheel: Path, folder: Path) -> None:
    """Install the wheel into a fresh environment and use it from a folder of its own."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(wheel)], check=True)
    subprocess.run([python, "-c", USE], check=True, cwd=folder)
    subprocess.run([folder / "bin" / "fastml", "info"], check=True, cwd=folder)
    # The environment's own tools (Python 3.11 brings two) are nothing that fastml needs.
    subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "setuptools", "pip"], check=True)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    print(f"installed with what it needs: {size / 1e6:.0f} MB")
    if size > INSTALLED_MB * 1e6:
        sys.exit(f"expected an install of at most {INSTALLED_MB:.0f} MB, got {size / 1e6:.0f}")


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    (built,) = place.glob("*.whl")
    check_contents(built)
    check_use(built, place / "venv")
