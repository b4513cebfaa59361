"""What tells the target alone is a leak; what does so by chance, or tells one class, is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fastml.pipeline import Pipeline

DRAW = np.random.default_rng(3)


def leaks(table: pa.Table) -> set[str]:
    dropped = Pipeline(target="y", keep=["kept"]).fit(table).dropped_
    return {name for name, reason in dropped.items() if reason.startswith("leaks")}


def noise(rows: int, columns: int = 1) -> dict[str, object]:
    return {"kept": DRAW.normal(size=rows)} | {
        f"noise{i}": DRAW.normal(size=rows) for i in range(columns)
    }


@pytest.mark.parametrize("rows", [3, 4, 8])
def test_a_few_rows_in_order_are_chance(rows: int) -> None:
    columns = noise(rows, 20)
    assert leaks(pa.table({"y": np.arange(rows) * 1.5, **columns})) == set()
    assert leaks(pa.table({"y": np.arange(rows) % 2, **columns})) == set()


def test_a_class_of_one_row_is_chance() -> None:
    y = np.array([f"class {i % 3}" for i in range(997)] + ["rare 0", "rare 1", "rare 2"])
    assert leaks(pa.table({"y": y, **noise(len(y), 60)})) == set()


def test_telling_one_class_of_three_is_no_leak() -> None:
    y = DRAW.integers(0, 3, 300)
    petal = np.where(y == 0, 1.4, 4.0 + 0.5 * y) + 0.3 * DRAW.normal(size=300)
    table = {"y": np.array(["a", "b", "c"])[y], "petal": petal, **noise(300)}
    assert leaks(pa.table(table)) == set()


@pytest.mark.parametrize("n_classes", [2, 3, 12])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_copy_of_the_class_is_a_leak(n_classes: int, as_text: bool) -> None:
    y = DRAW.integers(0, n_classes, 600)
    copy = np.array([f"code {code}" for code in y]) if as_text else y * -2.0
    y_text = np.array([f"class {code}" for code in y])
    assert leaks(pa.table({"y": y_text, "copy": copy, **noise(600)})) == {"copy"}


def test_missing_where_the_target_is_high_is_a_leak() -> None:
    y = DRAW.integers(0, 2, 400)
    value = pa.array(DRAW.normal(size=400), mask=y == 1)
    assert leaks(pa.table({"y": y, "left_at": value, **noise(400)})) == {"left_at"}


def test_a_number_in_the_order_of_the_target_is_a_leak() -> None:
    y = DRAW.normal(size=200)
    table = {"y": y, "exp": np.exp(y), "cube": -(y**3), **noise(200)}
    assert leaks(pa.table(table)) == {"exp", "cube"}
