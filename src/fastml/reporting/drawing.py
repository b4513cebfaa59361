"""Small line and point drawings as SVG, in the colours of the page that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Drawing"]

_WIDTH, _HEIGHT = 360, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 40


@dataclass
class Drawing:
    """A drawing with two axes; marks are added in order, `svg` gives the text.

    Parameters
    ----------
    x_label, y_label : str
        What the axes show.
    x_range, y_range : (float, float)
        The values at the ends of the axes.
    title : str
        Read out to those who cannot see the drawing.
    """

    x_label: str
    y_label: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    title: str
    _marks: list[str] = field(default_factory=list)

    def line(self, x: ArrayLike, y: ArrayLike, style: str = "a") -> Drawing:
        """Add a line through the points. Styles: a and b (curves), guide (dashed)."""
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in self._pixels(x, y))
        self._marks.append(f'<polyline class="{style}" points="{points}"/>')
        return self

    def dots(self, x: ArrayLike, y: ArrayLike, style: str = "dots") -> Drawing:
        """Add a dot at each point; one path, so that a thousand of them stay small."""
        path = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in self._pixels(x, y))
        self._marks.append(f'<path class="{style}" d="{path}"/>')
        return self

    def mark(self, x: float, y: float, words: str) -> Drawing:
        """Add one large dot with words above it."""
        ((px, py),) = self._pixels([x], [y])
        self._marks.append(
            f'<circle class="mark" cx="{px:.1f}" cy="{py:.1f}" r="4"/>'
            f'<text class="words" x="{px:.1f}" y="{py - 9:.1f}" text-anchor="middle">'
            f"{escape(words)}</text>"
        )
        return self

    def svg(self) -> str:
        """Return the drawing as one `<svg>` element."""
        return (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"{self._axes()}{''.join(self._marks)}</svg>"
        )

    def _pixels(self, x: ArrayLike, y: ArrayLike) -> Sequence[tuple[float, float]]:
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        px = _LEFT + (np.asarray(x, float) - x0) / ((x1 - x0) or 1.0) * width
        py = _TOP + height - (np.asarray(y, float) - y0) / ((y1 - y0) or 1.0) * height
        return list(zip(px.tolist(), py.tolist(), strict=True))

    def _axes(self) -> str:
        parts = []
        for value in ticks(*self.x_range):
            ((px, _),) = self._pixels([value], [self.y_range[0]])
            parts.append(
                f'<line class="grid" x1="{px:.1f}" x2="{px:.1f}" y1="{_TOP}" '
                f'y2="{_HEIGHT - _BOTTOM}"/><text x="{px:.1f}" y="{_HEIGHT - _BOTTOM + 14}" '
                f'text-anchor="middle">{short(value)}</text>'
            )
        for value in ticks(*self.y_range):
            ((_, py),) = self._pixels([self.x_range[0]], [value])
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{py:.1f}" '
                f'y2="{py:.1f}"/><text x="{_LEFT - 6}" y="{py + 4:.1f}" '
                f'text-anchor="end">{short(value)}</text>'
            )
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(
            f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" '
            f'text-anchor="middle">{escape(self.x_label)}</text>'
            f'<text x="12" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 12 {middle})">{escape(self.y_label)}</text>'
        )
        return "".join(parts)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return about `about` round values between `low` and `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    scale = 10.0 ** np.floor(np.log10(raw))
    step = scale * min((1, 2, 2.5, 5, 10), key=lambda each: abs(each * scale - raw))
    first = np.ceil(low / step - 1e-9)
    count = int(np.floor(high / step + 1e-9) - first) + 1
    return [float((first + i) * step) for i in range(count)]


def short(value: float) -> str:
    """Write a tick's value in few signs: 0.25, 1,500, 20k, 3M."""
    size = abs(value)
    if size >= 1e9:
        return f"{value:.3g}"
    for unit, sign in ((1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if sign == 'k' else unit):,.4g}{sign}"
    return f"{value:,.4g}"
