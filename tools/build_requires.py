"""Print what pyproject.toml says a build needs, one requirement a line."""

import tomllib
from pathlib import Path

with Path("pyproject.toml").open("rb") as file:
    print("\n".join(tomllib.load(file)["build-system"]["requires"]))
