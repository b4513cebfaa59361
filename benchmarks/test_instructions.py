"""No kernel takes 10% more instructions than its committed figure."""

from __future__ import annotations

import os

from benchmarks import instructions


def test_no_kernel_takes_more_instructions(remarks: list[str]) -> None:
    if not instructions.can_count() and "CI" not in os.environ:
        remarks.append(instructions.NO_VALGRIND)
        return
    found = instructions.regressions(instructions.count(), instructions.committed())
    assert not found, (
        "\n".join(["kernels take more instructions than committed:", *found])
        + "\nIf that is right, `make bench-accept` writes the new figures into "
        f"benchmarks/instructions/{instructions.FIGURES.name}; say why in the commit. (Figures "
        f"hold for one compiler; this one is {instructions.compiler_version()}.)"
    )
