"""Encoded rows that are kept in a file: found again when nothing has changed, and only then."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastml.pipeline.kept_rows
from fastml import Pipeline, scan
from fastml.errors import ConfigError, DataError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.preprocessing import OneHotEncoder
from fastml.preprocessing.encoded_file import VERSION


def table(rows: int = 3_000, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    plan = rng.integers(0, 5, rows)
    return pa.table(
        {
            "x": pa.array(x, mask=rng.random(rows) < 0.1),
            "z": rng.normal(size=rows),
            "plan": [f"plan {i}" for i in plan.tolist()],
            "day": pa.array(rng.integers(18_000, 19_000, rows).astype(np.int32), pa.date32()),
            "w": rng.integers(0, 4, rows).astype(np.float64),
            "y": pa.array(
                np.where(rng.random(rows) < 1 / (1 + np.exp(-x - plan)), "yes", "no"),
                mask=rng.random(rows) < 0.01,
            ),
        }
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "table.parquet"
    pq.write_table(table(), path)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "rows" / "kept.encoded"


def fitted(data: Any, cache: Path | None, **settings: Any) -> Pipeline:
    settings = {"target": "y", "weight": "w"} | settings
    return Pipeline(cache=cache, **settings).fit(data)


def same(one: Pipeline, other: Pipeline) -> bool:
    return (
        one.learner_.weights_.tobytes() == other.learner_.weights_.tobytes()
        and one.learner_.intercept_.tobytes() == other.learner_.intercept_.tobytes()
        and one.explain().to_dict() == other.explain().to_dict()
        and (one.n_rows_, one.missing_targets_) == (other.n_rows_, other.missing_targets_)
        and one.predict(table(50, seed=1)).tolist() == other.predict(table(50, seed=1)).tolist()
    )


def was_read(model: Pipeline) -> bool:
    return model.encoded_rows_.startswith("read from")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight": None},
        {"bins": 4, "crosses": [["plan", "day.weekday"]]},
        {"target": "plan", "drop": ["y"]},
        {"learner": LinearRegression(loss="huber"), "target": "z", "drop": ["y"]},
        {"drop": ["plan", "day"]},
        {"drop": ["x", "z", "day"]},
    ],
    ids=["classes", "no weights", "bent", "several classes", "numbers", "no codes", "no numbers"],
)
@pytest.mark.parametrize("memory", [1, "1GB"])
def test_a_second_fit_reads_the_file_and_gives_the_same_model(
    settings: dict[str, Any], memory: int | str, source: Path, cache: Path
) -> None:
    plain = fitted(source, None, **settings)
    first = fitted(source, cache, memory=memory, **settings)
    again = fitted(source, cache, memory=memory, threads=1, **settings)
    assert not was_read(first)
    assert "kept in" in first.encoded_rows_
    assert was_read(again)
    assert same(first, plain)
    assert same(again, plain)
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_another_learner_begins_with_the_same_rows(source: Path, cache: Path) -> None:
    fitted(source, cache, learner=LogisticRegression())
    for learner in (LogisticRegression(l2=0.1), LogisticRegression(solver="sgd", epochs=1)):
        found = fitted(source, cache, learner=learner)
        assert was_read(found)
        assert same(found, fitted(source, None, learner=learner))


@pytest.mark.parametrize(
    "settings",
    [
        {"drop": ["z"]},
        {"weight": None},
        {"encoder": OneHotEncoder(max_categories=2)},
        {"bins": {"x": 3}},
        {"positive": "no"},
        {"keep": ["z"]},
    ],
    ids=str,
)
def test_other_settings_make_the_rows_anew(
    settings: dict[str, Any], source: Path, cache: Path
) -> None:
    fitted(source, cache)
    other = fitted(source, cache, **settings)
    assert "prepared in another way" in other.encoded_rows_
    assert same(other, fitted(source, None, **settings))
    assert was_read(fitted(source, cache, **settings))


def test_another_table_makes_the_rows_anew(source: Path, cache: Path) -> None:
    fitted(source, cache)
    before = source.stat()
    pq.write_table(table(seed=5), source)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = fitted(source, cache)
    assert not was_read(changed)
    assert same(changed, fitted(source, None))
    assert was_read(fitted(source, cache))


def test_other_rows_of_the_table_are_another_table(source: Path, cache: Path) -> None:
    whole = scan(source)
    mask = np.arange(3_000) % 3 > 0
    parts = [whole, whole.slice(0, 2_000), whole.slice(1), whole.where(mask), whole.where(~mask)]
    for part in parts:
        found = fitted(part, cache)
        assert not was_read(found)
        assert same(found, fitted(part, None))
        assert was_read(fitted(part, cache))


def test_how_a_file_is_read_counts(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "table.csv"
    draws = np.random.default_rng(0).integers(0, 6, (500, 2)).tolist()
    lines = [f"{a};{y % 2}" for a, y in draws]
    path.write_text("a;y\n" + "\n".join(lines))
    fitted(scan(path), cache, weight=None)
    assert was_read(fitted(scan(path), cache, weight=None))
    assert not was_read(fitted(scan(path, types={"a": "string"}), cache, weight=None))


def test_a_table_that_changes_meanwhile_is_not_kept(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = fastml.pipeline.kept_rows.KeptRows.write

    def late(self: Any, encoded: Any) -> bool:
        os.utime(source, ns=(1, 1))
        return write(self, encoded)

    monkeypatch.setattr(fastml.pipeline.kept_rows.KeptRows, "write", late)
    assert "not kept in" in fitted(source, cache).encoded_rows_
    assert not cache.exists()


def trailer_at(content: bytes) -> int:
    return len(content) - 32


def with_footer(content: bytes, **changes: str) -> bytes:
    """Return a file with a changed footer, its checksum made to fit."""
    place, size, _ = struct.unpack_from("<QQI", content, trailer_at(content))
    footer = content[place : place + size].decode()
    for old, new in changes.values():
        assert old in footer
        footer = footer.replace(old, new)
    raw = footer.encode()
    return (
        content[:place]
        + raw
        + struct.pack("<QQI4x8s", place, len(raw), zlib.crc32(raw), content[-8:])
    )


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE: dict[str, Any] = {
    "empty": lambda c: b"",
    "only its beginning": lambda c: c[:5],
    "truncated in a block": lambda c: c[: len(c) // 3],
    "truncated by a byte": lambda c: c[:-1],
    "longer": lambda c: c + b"\0",
    "a bit of a number": lambda c: flipped(c, 64 + 1_000),
    "a bit of a target": lambda c: flipped(c, len(c) // 2),
    "a bit of the footer": lambda c: flipped(c, trailer_at(c) - 10),
    "a bit of the trailer": lambda c: flipped(c, trailer_at(c)),
    "a newer version": lambda c: c[:8] + struct.pack("<Q", VERSION + 1) + c[16:],
    "another byte order": lambda c: with_footer(c, order=("little", "big")),
    "blocks out of the file": lambda c: with_footer(
        c, blocks=('"blocks": [[64', '"blocks": [[6400000')
    ),
    "no facts": lambda c: with_footer(c, facts=('"n_rows"', '"rows"')),
    "another fastml": lambda c: with_footer(c, fingerprint=("('0.1", "('9.1")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_whole_is_never_trained_on(damage: str, source: Path, cache: Path) -> None:
    expected = fitted(source, cache)
    cache.write_bytes(DAMAGE[damage](cache.read_bytes()))
    found = fitted(source, cache)
    assert not was_read(found)
    assert same(found, expected)
    assert was_read(fitted(source, cache))


def test_every_bit_counts(source: Path, cache: Path) -> None:
    """A bit anywhere but in the padding, which is not read, makes the file unusable."""
    expected = fitted(source, cache)
    whole = cache.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(whole), 40).tolist():
        cache.write_bytes(flipped(whole, at))
        found = fitted(source, cache)
        assert same(found, expected)


def test_another_file_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "thesis.txt"
    other.write_text("It was a dark and stormy night.")
    with pytest.raises(ConfigError, match="a file of something else, which would be lost"):
        fitted(source, other)
    with pytest.raises(ConfigError, match="is a folder; name a file"):
        fitted(source, tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="is a device or a pipe; name a file"):
        fitted(source, pipe)
    with pytest.raises(ConfigError, match=r"cannot be read .*; name another file"):
        fitted(source, tmp_path / ("long" * 100))
    assert other.read_text() == "It was a dark and stormy night."


def test_rows_of_a_table_in_memory_cannot_be_kept(cache: Path) -> None:
    with pytest.raises(ConfigError, match="only of files can it be told"):
        fitted(table(), cache)
    assert not cache.parent.exists()


def test_a_full_disk_leaves_nothing(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="the disk is full"):
        fitted(source, cache)
    assert not any(cache.parent.iterdir())
