"""Settings in words: read as JSON, as TOML or as text, whichever fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError
from fastml.workflow.project import parse_project
from fastml.workflow.settings import Check, flag, label, number, text, texts, whole
from fastml.workflow.words import value_of


@pytest.mark.parametrize(
    ("words", "check", "value"),
    [
        ("7", whole(), 7),
        ("7", text, "7"),
        ("1E-4", number(), 1e-4),
        ("1_000", whole(), 1000),
        ("true", flag, True),
        ("False", flag, False),
        ("true", text, "true"),
        ("yes", label, "yes"),
        ('"7"', label, "7"),
        ('["a"]', texts, ["a"]),
        ("{ yes = 5 }", None, {"yes": 5}),
        ('{"yes": 5}', None, {"yes": 5}),
        ("", None, ""),
    ],
)
def test_the_first_reading_that_fits(words: str, check: Check | None, value: Any) -> None:
    found = value_of(words, check, "here")
    assert (type(found), found) == (type(value), value)


@given(st.text(min_size=1).filter(lambda words: words.strip()))
def test_any_words_are_some_text(words: str) -> None:
    assert isinstance(value_of(words, text, "here"), str)


@given(st.text('abc[{"= ', max_size=8))
def test_words_that_do_not_fit_are_told(words: str) -> None:
    with pytest.raises(ConfigError, match="here: expected a whole number"):
        value_of(words, whole(at_least=1), "here")


def test_changes_take_the_place_of_what_a_file_says() -> None:
    file = (
        "[problem]\ntarget = 't'\n[data]\nsource = 's.csv'\n[learner]\nl2 = 1\nl1 = 2\n"
        "[success]\nroc_auc = { min = 0.5 }\n"
    )
    changes = {"l2": "3", "success.roc_auc.max": "0.9", "success.f1.min": "0.1"}
    project = parse_project(file, changes=changes)
    assert (project.learner.l2, project.learner.l1) == (3.0, 2.0)
    assert project.success == {"roc_auc": {"min": 0.5, "max": 0.9}, "f1": {"min": 0.1}}
    assert parse_project(project.text).learner == project.learner
    assert parse_project(file).text == file


@pytest.mark.parametrize("key", ["", ".", "learner.", "lerner.l2", "monitor", "l3"])
def test_a_change_of_an_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="is not a known key"):
        parse_project("target = 't'\nsource = 's'", changes={key: "1"})
