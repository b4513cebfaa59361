"""An exported model predicts in onnxruntime what fastml predicts, or is refused with the reason."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from onnxruntime import InferenceSession, SessionOptions

import fastml
from fastml._typing import Float64
from fastml.artifact import export_onnx
from fastml.artifact.onnx_calendar import add_calendar
from fastml.artifact.onnx_graph import Graph
from fastml.calibration import Calibrator
from fastml.calibration.isotonic import Isotonic
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, NotFittedError
from fastml.linear_model import LogisticRegression
from fastml.preprocessing import FeatureCrosser, SimpleImputer
from fastml.preprocessing.calendar import calendar_codes, parts_of, units_per_day
from fastml.serving import Predictor
from tests.serving.conftest import KINDS, model, table

DOCS = Path(__file__).parents[2] / "docs" / "onnx.md"


def session_of(model: str | bytes) -> InferenceSession:
    options = SessionOptions()
    options.intra_op_num_threads = 1
    return InferenceSession(model, options)


class Exported:
    """A pipeline in onnxruntime, that takes Arrow."""

    def __init__(self, pipeline: fastml.Pipeline, path: Path) -> None:
        self.file = str(path / "model.onnx")
        export_onnx(pipeline, self.file)
        self.session = session_of(self.file)
        told = self.session.get_modelmeta().custom_metadata_map
        self.facts = {name.removeprefix("fastml."): json.loads(v) for name, v in told.items()}

    def run(self, rows: pa.Table) -> dict[str, Any]:
        feeds = {e["name"]: tensor(e, rows[e["name"]]) for e in self.facts["inputs"]}
        names = self.facts["outputs"]
        return dict(zip(names, self.session.run(list(names.values()), feeds), strict=True))

    def scores(self, rows: pa.Table) -> Float64:
        found = self.run(rows)
        wide = found.get("probabilities", found["prediction"])
        return wide[:, 1] if self.facts["task"] == "binary" else wide


def tensor(stated: Mapping[str, Any], column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    if stated["tensor"] == "string":
        found = np.array(column.fill_null(stated["missing"]).to_pylist(), object)
    elif stated["tensor"] == "int64":
        bits = column.combine_chunks().view(f"int{column.type.bit_width}")
        found = bits.cast(pa.int64()).fill_null(stated["missing"]).to_numpy()
    else:
        found = column.cast(stated["tensor"], safe=False).to_numpy()
    return found.reshape(-1, 1)


def native(pipeline: fastml.Pipeline, rows: pa.Table) -> Float64:
    columns = rows.select(pipeline.input_schema_.names).combine_chunks()
    batch = pa.RecordBatch.from_arrays(
        [c.combine_chunks() for c in columns.columns], names=columns.column_names
    )
    return Predictor.of(pipeline).batches.scores(batch)


def assert_agrees(pipeline: fastml.Pipeline, exported: Exported, rows: pa.Table) -> None:
    """Numbers have the same bits, and so have margins: what follows differs by its own rounding."""
    expected, found = native(pipeline, rows), exported.scores(rows)
    assert found.shape == expected.shape
    if pipeline.task_ == "regression":
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    decided = exported.run(rows)["prediction"]
    assert decided.shape == (len(rows),)
    near = np.abs(expected - pipeline.threshold) < 1e-6 if expected.ndim == 1 else False
    assert ((decided == pipeline.decide(expected)) | near).all()


def unlike_training() -> pa.Table:
    """Return rows of what training did not see: unknown texts, far dates, nothing but nulls."""
    rows = table().slice(0, 40).to_pylist()
    for i, row in enumerate(rows):
        row["plan"] = ["(missing)", "platinum", "Gold", "gold ", "\U0001f600", None][i % 6]
        row["ward"] = ["007", "true", "1.0", None][i % 4]
        row["joined"] = datetime.date(1 + 97 * i, 1 + i % 12, 28)
        row["seen"] = datetime.datetime(9 + 200 * i, 1 + i % 12, 1, i % 24, 59, 59, 999_999)
        row["heard"] = datetime.datetime(1969, 12, 31, 23 - i % 24, tzinfo=datetime.UTC)
        row["size"] = [1e30, -1e-300, float("nan"), 0.0][i % 4]
    nothing = dict.fromkeys(rows[0])
    return pa.Table.from_pylist([*rows, nothing], table().schema)


@pytest.mark.parametrize("kind", list(KINDS))
def test_agrees_with_the_compiled_core(kind: str, tmp_path: Path) -> None:
    pipeline = model(kind)
    exported = Exported(pipeline, tmp_path)
    for rows in (table(), table().slice(5, 1), table().slice(0, 0), unlike_training()):
        assert_agrees(pipeline, exported, rows)


@pytest.fixture(scope="module")
def bent(tmp_path_factory: pytest.TempPathFactory) -> tuple[fastml.Pipeline, Exported]:
    pipeline = model("binary, bins and crosses")
    return pipeline, Exported(pipeline, tmp_path_factory.mktemp("bent"))


@pytest.mark.parametrize("kind", ["binary, bins and crosses", "multiclass, platt", "regression"])
def test_agrees_in_another_runtime(kind: str, tmp_path: Path) -> None:
    """In ONNX's own, which does what the standard says and no more."""
    exported = Exported(model(kind), tmp_path)
    exported.session = ReferenceEvaluator(exported.file)
    assert_agrees(model(kind), exported, table().slice(0, 50))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_rows(bent: tuple[fastml.Pipeline, Exported], data: st.DataObject) -> None:
    pipeline, exported = bent
    values = {
        "size": st.floats(-1e30, 1e30) | st.just(float("nan")),
        "count": st.integers(-(2**31), 2**31 - 1),
        "small": st.floats(width=32, min_value=-1e9, max_value=1e9),
        "member": st.booleans(),
        "plan": st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1),
        "ward": st.sampled_from(["1", "2", "30", "-4", "5"]),
        "joined": st.dates(),
        "seen": st.datetimes(),
        "heard": st.datetimes(timezones=st.just(datetime.UTC)),
        "woke": st.times(),
    }
    row = st.fixed_dictionaries({name: st.none() | each for name, each in values.items()})
    rows = data.draw(st.lists(row, max_size=4))
    schema = pa.schema([table().schema.field(name) for name in values])
    assert_agrees(pipeline, exported, pa.Table.from_pylist(rows, schema))


def numbers(columns: int, texts: int, missing: float) -> pa.Table:
    rng = np.random.default_rng(columns)
    rows = {f"n{i}": rng.normal(1e6, 3.0, 200) for i in range(columns)}
    y = sum(rows.values(), np.zeros(200)) + rng.normal(size=200)
    of = {name: pa.array(values, mask=rng.random(200) < missing) for name, values in rows.items()}
    of |= {f"t{i}": pa.array(rng.choice(["a", "b", "c"], 200)) for i in range(texts)}
    return pa.table(of | {"y": y, "class": rng.choice(["u", "v", "w"], 200)})


@pytest.mark.parametrize("columns", range(10))
@pytest.mark.parametrize("target", ["y", "class"])
def test_terms_are_added_in_the_order_of_the_core(
    columns: int, target: str, tmp_path: Path
) -> None:
    """However many there are: each has its place in the sums."""
    rows = numbers(columns, 3 - columns % 4 if columns else 2, missing=0.3)
    pipeline = fastml.Pipeline(
        target=target,
        drop=[{"y": "class", "class": "y"}[target]],
        imputer=SimpleImputer(add_indicator=columns % 2 == 0),
    ).fit(rows)
    exported = Exported(pipeline, tmp_path)
    assert_agrees(pipeline, exported, rows)


@pytest.mark.parametrize("target", ["left", "state", "price"])
def test_crosses_of_every_part(target: str, tmp_path: Path) -> None:
    """Two parts and three, of text, bins and dates, and one of which no combination is known."""
    pipeline = fastml.Pipeline(
        target=target,
        drop=sorted({"left", "state", "price"} - {target}),
        categorical=["ward"],
        bins={"small": 3, "member": 2},
        crosses=FeatureCrosser(
            [["plan", "ward"], ["seen.hour", "joined.month", "member"], ["small", "seen.weekday"]],
            min_frequency=4,
        ),
    ).fit(table())
    assert any(feature.n_codes for feature in pipeline.plan_.crosses)
    exported = Exported(pipeline, tmp_path)
    assert_agrees(pipeline, exported, table())
    assert_agrees(pipeline, exported, unlike_training())


@pytest.mark.parametrize("classes", [[False, True], [1, 2, 30], [0.5, 1.5, 2.5], ["", "z", "ü"]])
def test_classes_of_every_type(classes: list[Any], tmp_path: Path) -> None:
    rows = numbers(2, 1, 0.0).drop_columns(["y", "class"])
    rows = rows.append_column("class", pa.array([classes[i % len(classes)] for i in range(200)]))
    pipeline = fastml.Pipeline(LogisticRegression(), target="class").fit(rows)
    exported = Exported(pipeline, tmp_path)
    assert exported.facts["classes"] == classes
    assert_agrees(pipeline, exported, rows)


@pytest.mark.parametrize("infinite", ["error", "missing"])
def test_infinite_numbers_are_nan_or_missing(infinite: Any, tmp_path: Path) -> None:
    rows = numbers(3, 1, 0.1)
    pipeline = fastml.Pipeline(target="y", drop=["class"], bins={"n0": 4}, infinite=infinite)
    exported = Exported(pipeline.fit(rows), tmp_path)
    strange = pa.array([np.inf, -np.inf, 1e300, -1e300, 1e6])
    rows = rows.slice(0, 5).set_column(0, "n0", strange)
    found = exported.scores(rows)
    refused = [infinite == "error"] * 2 + [True] * 2 + [False]
    np.testing.assert_array_equal(np.isnan(found), refused)
    taken = rows.filter(pc.invert(pa.array(refused)))
    np.testing.assert_array_equal(found[~np.array(refused)], native(pipeline, taken))


def test_an_empty_text_may_be_a_category(tmp_path: Path) -> None:
    rows = numbers(1, 1, 0.0)
    texts = pa.array([["", "(missing)", "b", None][i % 4] for i in range(200)])
    rows = rows.set_column(1, "t0", texts)
    pipeline = fastml.Pipeline(target="y", drop=["class"]).fit(rows)
    exported = Exported(pipeline, tmp_path)
    (stated,) = [each for each in exported.facts["inputs"] if each["name"] == "t0"]
    assert stated["missing"] == "(missing)(missing)"
    assert_agrees(pipeline, exported, rows)


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    rows = numbers(2, 2, 0.1).rename_columns(
        ["prediction", "constant_0", "Sub_0", "a b/ü:0", "y", "class"]
    )
    pipeline = fastml.Pipeline(target="class", drop=["y"], bins=3).fit(rows)
    exported = Exported(pipeline, tmp_path)
    assert exported.facts["outputs"] == {
        "prediction": "prediction_",
        "probabilities": "probabilities",
    }
    assert_agrees(pipeline, exported, rows)


@pytest.mark.parametrize("type_", [pa.date32(), *map(pa.timestamp, ("s", "ms", "us", "ns"))])
def test_parts_of_dates(type_: pa.DataType) -> None:
    rng = np.random.default_rng(0)
    per_day = units_per_day(type_)
    last = 2**31 - 1 if per_day == 1 else 2**63 - 1
    last = min(last, 400_000 * 365 * per_day)  # of later years Arrow tells no parts
    edges = [0, 1, per_day, 59 * per_day, -per_day]
    values = np.concatenate([rng.integers(-last, last, 5_000), edges, np.array(edges) - 1])
    column = pa.array(values).cast(pa.int64()).cast(pa.int32() if per_day == 1 else pa.int64())
    for part in parts_of(type_):
        graph = Graph(["times"])
        graph.input("times", "int64")
        code = add_calendar(graph, part, "times", np.array([per_day]))
        graph.output("code", graph.add("Squeeze", code, np.array([1])), "int64")
        (found,) = session_of(graph.finish({})).run(None, {"times": values.reshape(-1, 1)})
        np.testing.assert_array_equal(found, calendar_codes(column.view(type_), part))


def test_the_file_is_what_it_says(tmp_path: Path) -> None:
    exported = Exported(model("binary"), tmp_path)
    file = onnx.load(exported.file)
    assert {each.domain: each.version for each in file.opset_import} == {"": 21, "ai.onnx.ml": 3}
    assert (file.ir_version, file.producer_name) == (10, "fastml")
    assert exported.facts["version"] == fastml.__version__
    assert exported.facts["task"] == "binary"
    assert exported.facts["target"] == "left"
    assert exported.facts["classes"] == ["no", "yes"]
    assert exported.facts["threshold"] == 0.5
    schema = model("binary").input_schema_
    assert [(each["name"], each["type"]) for each in exported.facts["inputs"]] == [
        (field.name, str(field.type)) for field in schema
    ]
    given = exported.session.get_inputs()
    assert [(each.name, each.shape[1:]) for each in given] == [(n, [1]) for n in schema.names]
    assert [each.shape[1:] for each in exported.session.get_outputs()] == [[], [2]]


def test_the_threshold_decides(tmp_path: Path) -> None:
    pipeline = fastml.Pipeline(target="left", drop=["state", "price"]).fit(table())
    pipeline.threshold = 0.9
    exported = Exported(pipeline, tmp_path)
    assert exported.facts["threshold"] == 0.9
    assert_agrees(pipeline, exported, table())


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_is_served_by_numpy_and_onnxruntime_alone(kind: str, tmp_path: Path) -> None:
    """By the program of docs/onnx.md."""
    pipeline = model(kind)
    exported = Exported(pipeline, tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    alone = program + 'assert not {"fastml", "pyarrow", "onnx"} & sys.modules.keys()\n'
    rows = table().select(pipeline.input_schema_.names).slice(0, 20)
    records = [
        {name: _in_json(value) for name, value in record.items()} for record in rows.to_pylist()
    ]
    command = [sys.executable, "-W", "error", "-c", alone, exported.file]
    run = subprocess.run(
        command, input=json.dumps(records), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["prediction"] == pipeline.predict(rows).tolist()
    if kind != "regression":
        expected = pipeline.predict_proba(rows)
        np.testing.assert_allclose(answer["probabilities"], expected, rtol=1e-12)


def _in_json(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    return value


def test_local_time_is_refused(tmp_path: Path) -> None:
    rows = table().set_column(
        8, "heard", table()["heard"].cast(pa.timestamp("ms", "Europe/Zurich"))
    )
    pipeline = fastml.Pipeline(target="price", drop=["state", "left"]).fit(rows)
    with pytest.raises(ConfigError, match=r"heard\.\w+ is told in local time .*Europe/Zurich.*UTC"):
        export_onnx(pipeline, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_trees_are_refused(tmp_path: Path) -> None:
    rows = numbers(2, 1, 0.0)
    pipeline = fastml.Pipeline(BoostedTrees(rounds=2), target="y", drop=["class"]).fit(rows)
    with pytest.raises(ConfigError, match="cannot be exported: it is of boosted trees"):
        export_onnx(pipeline, tmp_path / "model.onnx")


def test_a_curve_that_rounding_would_climb_is_refused(tmp_path: Path) -> None:
    pipeline = fastml.Pipeline(target="left", drop=["state", "price"]).fit(table())
    for gap, gentle in ((1e-6, True), (1e-13, False)):
        curve = Isotonic(np.array([0.1, 0.4, 0.4 + gap]), np.array([0.1, 0.2, 0.8]))
        pipeline.calibrator_ = Calibrator("isotonic", (curve,), 600)
        if gentle:
            assert_agrees(pipeline, Exported(pipeline, tmp_path), table())
            continue
        with pytest.raises(ConfigError, match=r"rises from 0\.2 to 0\.8 .* apart.*'platt'"):
            export_onnx(pipeline, tmp_path / "other.onnx")


def test_a_column_without_a_name_is_refused(tmp_path: Path) -> None:
    rows = numbers(2, 0, 0.0).rename_columns(["", "n1", "y", "class"])
    pipeline = fastml.Pipeline(target="y", drop=["class"]).fit(rows)
    with pytest.raises(ConfigError, match="a column without a name"):
        export_onnx(pipeline, tmp_path / "model.onnx")


def test_onnx_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"pip install 'fastml\[onnx\]'"):
        export_onnx(model("binary"), tmp_path / "model.onnx")


def test_a_pipeline_that_is_not_fitted(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        export_onnx(fastml.Pipeline(target="y"), tmp_path / "model.onnx")
