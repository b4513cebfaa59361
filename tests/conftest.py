"""What every test file may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Examples are drawn the same way every time, so that a run of the suite can be repeated;
# HYPOTHESIS_PROFILE=search looks further, at random.
settings.register_profile("suite", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked `data` where there are no published data sets."""
    if "FASTML_DATA" in os.environ:
        return
    left_out = [item for item in items if item.get_closest_marker("data")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("data")]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def published_data() -> Path:
    """Return the folder of the published data sets; for tests marked `data`."""
    return Path(os.environ["FASTML_DATA"])
