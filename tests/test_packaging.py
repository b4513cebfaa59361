"""The sdist has every source, so that a wheel can be built from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NATIVE_SOURCES = {".pyx", ".pxd", ".hpp", ".cpp", ".inc"}


@pytest.fixture(scope="module")
def sdist_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in an sdist that is built without the extensions' own lists: MANIFEST.in decides."""
    place = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", place]
    command += ["sdist", "--dist-dir", place]
    environment = os.environ | {"FASTML_EXTENSION": "none"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def test_sdist_has_every_source(sdist_names: set[str]) -> None:
    package = [p for p in (ROOT / "src").rglob("*") if p.suffix in NATIVE_SOURCES | {".py"}]
    wanted = {str(path.relative_to(ROOT)) for path in package}
    wanted |= {str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.py")}
    wanted |= {"Makefile", "pyproject.toml", "setup.py", "LICENSE", "README.md"}
    wanted |= {"docker/Dockerfile", ".dockerignore"}
    assert not wanted - sdist_names


def test_sdist_has_nothing_built(sdist_names: set[str]) -> None:
    built = {".so", ".pyc", ".o"}
    assert not {name for name in sdist_names if Path(name).suffix in built}
