"""A saved model opens as it was written, or says what is wrong with it."""

from __future__ import annotations

import itertools
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.artifact import FORMAT_VERSION, read_artifact, write_artifact
from fastml.artifact.layout import digest, manifest_digest
from fastml.errors import ArtifactError, FastMLError

FACTS = {"task": "binary", "target": "churn", "threshold": 0.25, "classes": ["no", "yes"]}
GOLDEN = Path(__file__).parent / "golden"


def tables() -> dict[str, pa.Table]:
    return {
        "weights": pa.table({"name": ["a", "b"], "weight": [0.5, -1.25]}),
        "categories-plan": pa.table({"value": pa.array(["free", "ä", None])}),
        "empty": pa.table({"x": pa.array([], pa.float32())}),
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    write_artifact(path, FACTS, tables())
    return path


def rewritten(model: Path, change: Callable[[dict[str, Any]], None], *, sign: bool = True) -> Path:
    """Change the manifest; with a fitting digest, as an attacker would, or without."""
    file = model / "manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    if sign:
        manifest["sha256"] = manifest_digest(manifest)
    file.write_text(json.dumps(manifest))
    return model


def test_opens_as_written(model: Path) -> None:
    facts, found = read_artifact(model)
    assert facts == FACTS
    assert found.keys() == tables().keys()
    assert all(found[name].equals(table) for name, table in tables().items())


def test_holds_json_and_arrow_alone_and_nothing_beside(model: Path) -> None:
    assert {file.suffix for file in model.iterdir()} == {".json", ".arrow"}
    assert [each.name for each in model.parent.iterdir()] == ["model"]


def test_same_model_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    write_artifact(tmp_path / "again", FACTS, tables())
    for file in model.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_chunking_does_not_show(tmp_path: Path) -> None:
    whole = pa.table({"x": [1, 2, 3]})
    write_artifact(tmp_path / "a", {}, {"t": whole})
    write_artifact(tmp_path / "b", {}, {"t": pa.concat_tables([whole[:1], whole[1:]])})
    assert (tmp_path / "a/t.arrow").read_bytes() == (tmp_path / "b/t.arrow").read_bytes()


def test_replaces_a_model_but_nothing_else(model: Path, tmp_path: Path) -> None:
    write_artifact(model, {"task": "regression"}, {})
    assert read_artifact(model) == ({"task": "regression"}, {})

    (tmp_path / "work").mkdir()
    (tmp_path / "work/thesis.txt").write_text("years")
    with pytest.raises(ArtifactError, match="directory with other files"):
        write_artifact(tmp_path / "work", FACTS, tables())
    with pytest.raises(ArtifactError, match="is a file"):
        write_artifact(tmp_path / "work/thesis.txt", FACTS, tables())
    assert (tmp_path / "work/thesis.txt").read_text() == "years"


@pytest.mark.parametrize("name", ["../weights", "a/b", "", ".", "a.b", "x" * 101, "é"])
def test_a_table_cannot_be_named_out_of_the_directory(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot name a table"):
        write_artifact(tmp_path / "model", FACTS, {name: pa.table({"x": [1]})})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_facts_that_are_not_json(value: object, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be written as JSON"):
        write_artifact(tmp_path / "model", {"value": value}, {})
    assert not list(tmp_path.iterdir())


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is no model at"):
        read_artifact(tmp_path / "nowhere")


def test_a_file_in_its_place(model: Path) -> None:
    with pytest.raises(ArtifactError, match="is a file; a saved model is a directory"):
        read_artifact(model / "manifest.json")


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"not a saved model: it has no manifest\.json"):
        read_artifact(tmp_path)


def test_a_table_is_missing(model: Path) -> None:
    (model / "weights.arrow").unlink()
    with pytest.raises(ArtifactError, match=r"not whole: weights\.arrow is missing"):
        read_artifact(model)


def test_a_table_is_truncated(model: Path) -> None:
    file = model / "weights.arrow"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(ArtifactError, match="truncated or altered"):
        read_artifact(model)


def test_a_table_is_altered(model: Path) -> None:
    file = model / "weights.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match="does not match its digest"):
        read_artifact(model)


def test_the_manifest_is_truncated(model: Path) -> None:
    file = model / "manifest.json"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ArtifactError, match="not whole JSON"):
        read_artifact(model)


def test_the_manifest_is_altered(model: Path) -> None:
    rewritten(model, lambda manifest: manifest["model"].update(threshold=0.9), sign=False)
    with pytest.raises(ArtifactError, match="does not match its own digest"):
        read_artifact(model)


@pytest.mark.parametrize("content", ["[1, 2]", '{"format": "onnx"}', "null", '"fastml"'])
def test_a_foreign_manifest(content: str, model: Path) -> None:
    (model / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match="not written by fastml"):
        read_artifact(model)


def test_a_newer_format(model: Path) -> None:
    rewritten(
        model,
        lambda manifest: manifest.update(format_version=FORMAT_VERSION + 1, fastml_version="9.1"),
    )
    with pytest.raises(ArtifactError, match=r"written by fastml 9\.1; .* upgrade fastml"):
        read_artifact(model)


@pytest.mark.parametrize(
    "name", ["../secret.arrow", "/etc/passwd", "a/b.arrow", "x.pkl", "..arrow"]
)
def test_a_manifest_that_leads_out_of_the_directory(name: str, model: Path) -> None:
    shutil.copy(model / "weights.arrow", model.parent / "secret.arrow")

    def lead_out(manifest: dict[str, Any]) -> None:
        manifest["files"] = {name: manifest["files"]["weights.arrow"]}

    with pytest.raises(ArtifactError):
        read_artifact(rewritten(model, lead_out))


@given(content=st.binary(max_size=200))
def test_any_manifest_is_read_or_refused(content: bytes, tmp_path_factory: Any) -> None:
    model = tmp_path_factory.mktemp("model")
    (model / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError):
        read_artifact(model)


@given(
    patch=st.dictionaries(
        st.sampled_from(["format_version", "model", "files", "sha256"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=12), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        min_size=1,
    )
)
def test_any_part_of_the_wrong_kind_is_refused(
    patch: dict[str, Any], tmp_path_factory: Any
) -> None:
    model = tmp_path_factory.mktemp("part") / "model"
    write_artifact(model, FACTS, {"t": pa.table({"x": [1]})})
    rewritten(model, lambda manifest: manifest.update(patch))
    try:
        facts, _ = read_artifact(model)
    except ArtifactError:
        return
    assert facts == patch.get("model", FACTS)


def test_any_table_is_read_or_refused(model: Path) -> None:
    """Bytes turned over one by one, with a fitting digest, as an attacker would."""
    file = model / "categories-plan.arrow"
    whole = file.read_bytes()
    refused = 0
    for place, bit in itertools.product(range(len(whole)), (5, 7)):
        content = bytearray(whole)
        content[place] ^= 1 << bit
        file.write_bytes(content)
        stated = {"bytes": len(content), "sha256": digest(bytes(content))}
        rewritten(model, lambda manifest: manifest["files"].update({file.name: stated}))  # noqa: B023
        try:
            read_artifact(model)
        except ArtifactError:
            refused += 1
    assert refused > 50


def test_an_interrupted_write_leaves_the_old_model(model: Path) -> None:
    class Stopping(dict[str, Any]):
        """A dictionary that is interrupted while it is read."""

        def items(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_artifact(model, FACTS, Stopping(tables()))
    assert read_artifact(model)[0] == FACTS
    assert [each.name for each in model.parent.iterdir()] == ["model"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(FastMLError, match="disk is full"):
            write_artifact(tmp_path / "model", FACTS, {"big": pa.table({"x": range(10_000)})})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_models_of_every_format_so_far_open(path: Path) -> None:
    facts, found = read_artifact(path)
    assert facts == FACTS
    assert all(found[name].equals(table) for name, table in tables().items())
