"""The floors of docs/architecture.md, what an import may load, and what the source must not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fastml"

BROUGHT = {
    "pandas", "polars", "scipy", "sklearn", "duckdb", "torch", "ray", "xgboost", "optuna", "onnx",
    "boto3", "botocore",
}  # fmt: skip
TERMINAL = {"typer", "rich", "click"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
CATCH_ALL = {
    "fastml.cli.app": {"Exception"},
    "fastml.serving.app": {"Exception"},
    "fastml.serving.arriving": {"BaseException"},
}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def loaded_by(statement: str) -> set[str]:
    """Return the top-level packages that an interpreter has loaded after `statement`."""
    script = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def test_lower_floors_know_nothing_of_higher_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    failed = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert not failed, capsys.readouterr().out


def test_importing_fastml_loads_nothing_heavy() -> None:
    heavy = BROUGHT | TERMINAL | {"numpy", "pyarrow"}
    assert not loaded_by("import fastml") & heavy


def test_no_module_loads_what_a_user_brings() -> None:
    modules = [module_name(path) for path in sources() if path.name != "__main__.py"]
    assert not loaded_by(f"import {', '.join(modules)}") & BROUGHT


def test_only_the_command_line_loads_the_terminal_packages() -> None:
    modules = [module_name(path) for path in sources()]
    below = [name for name in modules if not name.startswith(("fastml.cli", "fastml.__main__"))]
    assert not loaded_by(f"import {', '.join(below)}") & TERMINAL


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_source_is_safe(path: Path) -> None:
    """No module that runs code out of data, no evaluated text, no error swallowed whole.

    Few places catch any error: the command line, which tells of it and ends, the server, which
    tells of it and lives, and what hands errors on to a coroutine.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [(line, name) for line, name in imports(tree) if name.split(".")[0] in UNSAFE_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in UNSAFE_CALLS:
                found.append((node.lineno, f"{node.func.id}()"))
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append((node.value.lineno, "allow_pickle"))
        elif isinstance(node, ast.ExceptHandler):
            caught = getattr(node.type, "id", None) if node.type else "everything"
            allowed = CATCH_ALL.get(module_name(path), set())
            if caught in {"everything", "Exception", "BaseException"} - allowed:
                found.append((node.lineno, f"except {caught}"))
    assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_no_source_asks_for_fast_math() -> None:
    """`-ffast-math` breaks NaN tests and may flush denormals in the whole process."""
    native = [p for p in (PACKAGE / "_native").iterdir() if p.suffix != ".so" and p.is_file()]
    guilty = [
        path.name
        for path in [*native, ROOT / "setup.py"]
        if "fast-math" in path.read_text(encoding="utf-8")
    ]
    assert not guilty
