"""`fastml info`: what is installed, and what the machine can do."""

from __future__ import annotations

from fastml.cli.app import Debug, Json, command, print_json

__all__ = ["info"]

_OPTIONAL = (
    "pandas", "polars", "scipy", "sklearn", "duckdb", "torch", "ray", "xgboost", "optuna", "onnx",
    "boto3",
)  # fmt: skip


@command("info")
def info(as_json: Json = False, debug: Debug = False) -> None:
    """Show the version, the SIMD level, the cores and the optional parts found."""
    found = _information()
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        words = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        print(f"{name:<9} {words}")


def _information() -> dict[str, object]:
    import os
    import platform
    from importlib.metadata import version
    from importlib.util import find_spec

    from fastml import __version__
    from fastml._native.simd import level
    from fastml.engine import default_threads

    return {
        "fastml": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "pyarrow": version("pyarrow"),
        "simd": level(),
        "cores": os.cpu_count(),
        "threads": default_threads(),
        "optional": [name for name in _OPTIONAL if find_spec(name) is not None],
    }
