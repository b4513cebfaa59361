"""Pages stand alone, and nothing that a user brings can become markup."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.reporting.curves import precision_recall, roc, thinned
from fastml.reporting.drawing import Drawing, short, ticks
from fastml.reporting.numbers import metric_value
from fastml.reporting.page import Html, bar, figure, page, paragraph, preformatted, section, table

VOID = {"meta", "line", "polyline", "path", "circle", "br"}


class Checker(HTMLParser):
    """Collects the tags, and fails where one is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.open
    return checker


@given(words=st.text(alphabet=st.sampled_from("<>&\"'/ab ="), max_size=30))
def test_text_stays_text(words: str) -> None:
    plain = checked(
        page(
            "t",
            [
                section("s", paragraph(words), table((words,), [(words,)])),
                figure(words, Drawing(words, words, (0, 1), (0, 1), words).svg(), words),
                preformatted(words, words),
            ],
        )
    )
    expected = checked(
        page(
            "t",
            [
                section("s", paragraph("x"), table(("x",), [("x",)])),
                figure("x", Drawing("x", "x", (0, 1), (0, 1), "x").svg(), "x"),
                preformatted("x", "x"),
            ],
        )
    )
    assert plain.tags == expected.tags
    assert plain.text.count(words) >= 8 or not words.strip()


def test_a_page_asks_for_nothing_and_runs_nothing() -> None:
    html = page("title", [paragraph("words")])
    assert "default-src 'none'" in html
    for asked in ("http:", "https:", "<script", "<link", "url(", "@import", "src="):
        assert asked not in html


def test_table_heads_say_what_they_head() -> None:
    html = table(("a", "b"), [("1", "2")], numbers=[1])
    assert "<th scope=col>a</th><th scope=col class=n>b</th>" in html
    assert "<td>1</td><td class=n>2</td>" in html


def test_empty_parts_take_no_room() -> None:
    assert table(("a",), []) == ""
    assert section("title", Html("")) == ""


def test_bar_is_a_share() -> None:
    assert "width:25.0%" in bar(0.25)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3.0, 7.0, [-2.0, 0.0, 2.0, 4.0, 6.0]),
        (12_000.0, 62_000.0, [20_000.0, 30_000.0, 40_000.0, 50_000.0, 60_000.0]),
        (2.0, 2.0, [2.0]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@given(low=st.floats(-1e9, 1e9), width=st.floats(1e-6, 1e9))
def test_ticks_are_few_and_within(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert len(found) <= 12
    slack = 1e-6 * width + 1e-9 * abs(low)
    assert all(low - slack <= each <= low + width + slack for each in found)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.25, "0.25"), (1500, "1,500"), (20_000, "20k"), (3e6, "3M"), (-2.5e6, "-2.5M"), (0, "0")],
)
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words


def test_a_drawing_puts_points_where_they_belong() -> None:
    svg = Drawing("x", "y", (0, 10), (0, 1), "t").line([0, 10], [0, 1]).svg()
    assert 'points="52.0,230.0 348.0,10.0"' in svg


def test_curves_are_those_of_the_metrics() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 5_000)
    scores = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1)
    false, true = roc(y, scores)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert len(false) <= 160
    from fastml.evaluation.summary import evaluate

    area = float(np.trapezoid(true, false))
    assert area == pytest.approx(evaluate("binary", y, scores).metrics["roc_auc"], abs=2e-3)
    recall, precision = precision_recall(y, scores)
    assert recall[-1] == 1
    assert precision[-1] == pytest.approx(y.mean())


def test_thinning_keeps_both_ends() -> None:
    x = np.arange(1000.0)
    kept, _ = thinned(x, x, 10)
    assert len(kept) == 10
    assert (kept[0], kept[-1]) == (0, 999)


def test_a_share_of_nothing_is_not_written_out() -> None:
    assert metric_value("mape", 0.3931) == "39.3%"
    assert metric_value("mape", 5.8e14) == "over 10,000%"
