"""What README.md shows works, word for word, on the table that it names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "src" / "fastml" / "workflow" / "demo" / "telco_churn_mlc.parquet"
CLI = "from fastml.cli import main; main()"


def block(language: str) -> str:
    """Return the README's blocks of a language, one after the other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return "\n".join(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(TABLE, tmp_path / "customers.parquet")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_python_example(folder: Path) -> None:
    (folder / "example.py").write_text(block("python"), encoding="utf-8")
    done = run(folder, "-W", "error", "example.py")
    assert done.returncode == 0, done.stderr
    assert (folder / "models" / "churn").is_dir()


def test_the_project_file(folder: Path) -> None:
    (folder / "project.toml").write_text(block("toml"), encoding="utf-8")
    done = run(folder, "-c", CLI, "run", "project.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = (path for path in (folder / "runs").iterdir() if path.is_dir())
    assert {"model", "report.html", "metrics.json", "profile.json"} <= {
        path.name for path in result.iterdir()
    }


def test_every_command_of_the_table() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\| `fastml (\w+)", text, re.MULTILINE):
        done = run(ROOT, "-c", CLI, name, "--help")
        assert done.returncode == 0, f"fastml {name}: {done.stderr}"


def test_every_make_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
        missing = {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)}
        assert not missing, f"{page} names {missing}"
