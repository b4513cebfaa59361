"""The compiled form of a model: one file, checked before it is believed, light to open."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastml
from fastml.artifact.layout import PREDICTOR
from fastml.compiled.build import build
from fastml.compiled.describe import describe
from fastml.compiled.form import CompiledForm
from fastml.errors import ArtifactError, DataError
from fastml.linear_model import LogisticRegression
from fastml.serving import Predictor


def table() -> pa.Table:
    rng = np.random.default_rng(3)
    age = rng.normal(40.0, 10.0, 400)
    plan = rng.choice(["gold", "silver", "Zürich"], 400)
    left = np.where(age + 10.0 * (plan == "gold") + rng.normal(0.0, 5.0, 400) > 44.0, "yes", "no")
    return pa.table({"age": age, "plan": plan, "size": rng.normal(size=400), "left": left})


@pytest.fixture(scope="module")
def pipeline() -> fastml.Pipeline:
    learner = LogisticRegression()
    made = fastml.Pipeline(learner, target="left", bins={"age": 4}, crosses=[["plan", "size"]])
    return made.fit(table()).calibrate(table(), "isotonic")


@pytest.fixture(scope="module")
def form(pipeline: fastml.Pipeline) -> CompiledForm:
    return describe(pipeline.fitted())


def test_a_file_holds_all_of_it(form: CompiledForm) -> None:
    found = CompiledForm.from_bytes(form.to_bytes())
    assert found is not None
    assert found.facts == form.facts
    assert found.tensors.keys() == form.tensors.keys()
    for name, tensor in form.tensors.items():
        assert found.tensors[name].tobytes() == tensor.tobytes()
        assert found.tensors[name].shape == tensor.shape
    assert found.to_bytes() == form.to_bytes()


def test_the_layout_is_that_of_safetensors(form: CompiledForm) -> None:
    content = form.to_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__")
    assert (8 + size) % 8 == 0
    places = sorted(stated["data_offsets"] for stated in header.values())
    assert [begin for begin, _ in places] == [0, *(end for _, end in places[:-1])]
    assert places[-1][1] == len(content) - 8 - size
    begin, end = header["weights"]["data_offsets"]
    weights = np.frombuffer(content[8 + size :][begin:end], np.float32)
    np.testing.assert_array_equal(
        weights.reshape(header["weights"]["shape"]), np.asarray(form.tensors["weights"])
    )


def test_a_saved_model_answers_as_the_fitted_one(pipeline: fastml.Pipeline, tmp_path: Path) -> None:
    pipeline.save(tmp_path / "model")
    opened = Predictor.open(tmp_path / "model")
    body = json.dumps(table().slice(0, 20).drop_columns(["left"]).to_pylist()).encode()
    assert opened.answer(body, "json") == Predictor.of(pipeline).answer(body, "json")
    (batch,) = table().combine_chunks().to_batches()
    expected = np.concatenate(list(pipeline.predict_scores(table())))
    np.testing.assert_array_equal(opened.batches.scores(batch), expected)


def test_a_form_of_another_version_is_made_anew(
    pipeline: fastml.Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("fastml.compiled.form.VERSION", 0)
        pipeline.save(tmp_path / "model")
    assert CompiledForm.from_bytes((tmp_path / "model" / PREDICTOR).read_bytes()) is None
    row = b'{"age": 41.0, "plan": "gold", "size": 0.5}'
    assert Predictor.open(tmp_path / "model").answer(row, "json") == Predictor.of(pipeline).answer(
        row, "json"
    )


def test_a_model_that_is_replaced_is_not_mixed_with_the_other(
    pipeline: fastml.Pipeline, tmp_path: Path
) -> None:
    pipeline.save(tmp_path / "model")
    opened = Predictor.open(tmp_path / "model")
    fastml.Pipeline(target="left", drop=["size"]).fit(table()).save(tmp_path / "model")
    with pytest.raises(ArtifactError, match="replaced by another"):
        _ = opened.pipeline


OPEN = """
import sys
from pathlib import Path
from fastml.serving.worker import _load
from fastml.serving.handler import Handler

handler = _load(Path(sys.argv[1]))
handler.handle(b"41.0,gold,0.5\\n", b"text/csv")
heavy = {"pyarrow", "pandas", "sklearn", "fastml.pipeline"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_server_of_text_never_meets_arrow(pipeline: fastml.Pipeline, tmp_path: Path) -> None:
    pipeline.save(tmp_path / "model")
    command = [sys.executable, "-c", OPEN, str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def changed(
    form: CompiledForm, change: Callable[[dict[str, Any], dict[str, memoryview]], Any]
) -> CompiledForm:
    facts, tensors = json.loads(json.dumps(form.facts)), dict(form.tensors)
    change(facts, tensors)
    return CompiledForm(facts, tensors)


def short(name: str) -> Callable[[dict[str, Any], dict[str, memoryview]], None]:
    def cut(facts: dict[str, Any], tensors: dict[str, memoryview]) -> None:
        tensors[name] = tensors[name][:-1]

    return cut


def fact(*path: Any, value: Any) -> Callable[[dict[str, Any], dict[str, memoryview]], None]:
    def put(facts: dict[str, Any], tensors: dict[str, memoryview]) -> None:
        place: Any = facts
        for each in path[:-1]:
            place = place[each]
        assert place[path[-1]] != value
        place[path[-1]] = value

    return put


WRONG = {
    "a number's column": fact("model", "numbers", 0, 0, value=99),
    "a number's column below 0": fact("model", "numbers", 0, 0, value=-1),
    "a number of text": fact("model", "numbers", 0, 0, value=1),
    "a number's place": fact("model", "numbers", 0, 5, value=7),
    "a number's indicator": fact("model", "numbers", 0, 6, value=9),
    "a category's column": fact("model", "categories", 0, 0, value=50),
    "a category of numbers": fact("model", "categories", 0, 0, value=0),
    "a part of text": fact("model", "categories", 0, 1, value=2),
    "a bin's column": fact("model", "bins", 0, 0, value=3),
    "a part": fact("model", "singles", 0, value=17),
    "a part below 0": fact("model", "singles", 0, value=-1),
    "the parts of a cross": fact("model", "crosses", 0, "places", 0, value=-5),
    "the sizes of a cross": fact("model", "crosses", 0, "sizes", value=[2]),
    "where a cross begins": fact("model", "crosses", 0, "start", value=10_000),
    "the link": fact("model", "link", value=3),
    "the calibration": fact("model", "calibration", value=8),
    "no codes": fact("model", "n_codes", value=0),
    "weights that lack": lambda facts, tensors: tensors.pop("weights"),
    "offsets": short("category.0.offsets"),
    "text": short("category.0.text"),
    "a table": short("single.0.table"),
    "points": short("given"),
    "no dialect": lambda facts, tensors: facts.pop("dialect"),
    "fields": fact("fields", value=[["age", 0, 1, False]]),
    "a field's type": fact("fields", 0, 1, value=8),
    "a field of no unit": fact("fields", 0, 2, value=0),
    "a class": lambda facts, tensors: facts["classes"].pop(),
    "another class": lambda facts, tensors: facts["classes"].append("maybe"),
}


@pytest.mark.kernel
@pytest.mark.parametrize("wrong", WRONG)
def test_parts_that_do_not_belong_together_are_refused(form: CompiledForm, wrong: str) -> None:
    with pytest.raises(ArtifactError, match="do not belong together"):
        build(changed(form, WRONG[wrong]))


@pytest.fixture(scope="module")
def dated() -> tuple[CompiledForm, pa.RecordBatch]:
    """Return a form that has a part of every sort, and rows for it."""
    days = np.arange(400).astype("datetime64[D]")
    rows = table().append_column("seen", pa.array(days.astype("datetime64[us]")))
    rows = rows.append_column("born", pa.array(days))
    made = fastml.Pipeline(target="left", bins={"age": 4}, crosses=[["plan", "size"]]).fit(rows)
    (batch,) = rows.select(made.input_schema_.names).combine_chunks().to_batches()
    return describe(made.fitted()), batch


def places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    """Return the path to each number, text and truth of what JSON has."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in places(each, *path, key)]
    if isinstance(value, list):
        return [found for i, each in enumerate(value) for found in places(each, *path, i)]
    return [path]


STRANGE = st.one_of(
    st.integers(-3, 30),
    st.sampled_from([10**9, 10**9 + 1, 2**31, 2**62, 2**63 - 1, -(2**63), 10**30]),
    st.floats(),
    st.sampled_from([None, True, "", "x", ",", "\n", '"', [], {}, "\ud800"]),
)


@pytest.mark.kernel
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_facts_say_nothing_is_out_of_place(
    dated: tuple[CompiledForm, pa.RecordBatch], data: st.DataObject
) -> None:
    form, batch = dated
    facts = json.loads(json.dumps(form.facts))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(facts)))
        place = facts
        for each in path:
            place = place[each]
        place[last] = data.draw(STRANGE)
    try:
        built = build(CompiledForm(facts, form.tensors))
    except ArtifactError:
        return
    rows = [dict.fromkeys(batch.schema.names), *batch.slice(0, 3).to_pylist()]
    text = json.dumps(rows, default=str).encode()
    with contextlib.suppress(DataError):
        built.predict(text, 1, 0, 1, False)
    with contextlib.suppress(DataError, ValueError):
        built.score(batch, np.empty((batch.num_rows, 1)))


@pytest.mark.kernel
@pytest.mark.parametrize("wrong", ["fewer", "null", "text", "boolean", "indices"])
def test_columns_that_are_not_those_of_the_fields(
    dated: tuple[CompiledForm, pa.RecordBatch], wrong: str
) -> None:
    form, batch = dated
    columns, names = batch.columns, batch.schema.names
    other = {
        "fewer": None,
        "null": pa.nulls(400),
        "text": pa.array(["x"] * 400),
        "boolean": pa.array([True] * 400),
        "indices": pa.array(["x"] * 400).dictionary_encode(),
    }[wrong]
    at = names.index("seen" if wrong == "boolean" else "size")
    columns = columns[:at] if other is None else [*columns[:at], other, *columns[at + 1 :]]
    with pytest.raises(ValueError, match="field"):
        build(form).score(
            pa.RecordBatch.from_arrays(columns, names[: len(columns)]), np.empty((400, 1))
        )


@pytest.mark.kernel
@pytest.mark.parametrize("at", [-(2**63), -1, 0, 2**63 - 1])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_times_at_the_ends_of_their_range(pipeline: fastml.Pipeline, at: int, unit: str) -> None:
    rows = table().append_column(
        "seen", pa.array(np.arange(400) * 86_400 * 365, pa.int64()).view(pa.timestamp(unit))
    )
    made = fastml.Pipeline(target="left").fit(rows)
    (batch,) = rows.select(made.input_schema_.names).slice(0, 1).to_batches()
    times = pa.array([at], pa.int64()).view(pa.timestamp(unit))
    out = np.empty((1, 1))
    build(describe(made.fitted())).score(
        batch.set_column(batch.schema.names.index("seen"), "seen", times), out
    )
    assert 0.0 <= out[0, 0] <= 1.0


@pytest.mark.kernel
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_read(form: CompiledForm, at: int, byte: int) -> None:
    content = bytearray(form.to_bytes())
    content[at % len(content)] = byte
    try:
        found = CompiledForm.from_bytes(bytes(content))
        if found is not None:
            build(found)
    except ArtifactError:
        pass


@pytest.mark.parametrize("lack", ["schema", "input", "classes", "model", "all"])
def test_a_file_that_lacks_a_part_is_refused(form: CompiledForm, lack: str) -> None:
    facts = [] if lack == "all" else {k: v for k, v in form.facts.items() if k != lack}
    tensors = {k: v for k, v in form.tensors.items() if k != lack}
    with pytest.raises(ArtifactError, match="damaged"):
        CompiledForm.from_bytes(CompiledForm(facts, tensors).to_bytes())  # type: ignore[arg-type]


def test_a_shape_that_is_no_number_is_refused(form: CompiledForm) -> None:
    content = form.to_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["intercept"]["shape"] = [float("inf")]
    words = json.dumps(header).encode()
    with pytest.raises(ArtifactError, match="damaged"):
        CompiledForm.from_bytes(len(words).to_bytes(8, "little") + words + content[8 + size :])


@pytest.mark.parametrize("size", [0, 7, 8, 100, -1])
def test_a_truncated_file_is_refused(form: CompiledForm, size: int) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        CompiledForm.from_bytes(form.to_bytes()[:size])
