"""The frame of a report: one self-contained HTML page, and the few elements it is made of.

Every function takes plain text and escapes it; what is already HTML is passed as `Html`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

__all__ = [
    "Html",
    "bar",
    "cards",
    "figure",
    "page",
    "paragraph",
    "preformatted",
    "section",
    "table",
]


class Html(str):
    """Text that is HTML already and must not be escaped again."""

    __slots__ = ()


Content: TypeAlias = str | Html

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--paper:#fff;--panel:#f5f6f8;
--line:#dde1e6;--a:#0b66c3;--b:#c2570c;--good:#1a7f37;--bad:#c02626}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--paper:#14171b;
--panel:#1d2127;--line:#333a42;--a:#5aa9f7;--b:#f0924c;--good:#4cc26b;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem}h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.4rem 0;max-width:46rem}.soft{color:var(--soft)}
.verdict{border-left:.4rem solid var(--soft);background:var(--panel);padding:.8rem 1rem;
border-radius:.3rem}
.verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}
.verdict strong{font-size:1.15rem}b.good{color:var(--good)}b.bad{color:var(--bad)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
th{color:var(--soft);font-weight:600}
td:last-child:not(.n){min-width:14rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.7rem;
margin:1rem 0}
.card{background:var(--panel);border-radius:.3rem;padding:.6rem .8rem}
.card b{display:block;font-size:1.35rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));
gap:1.4rem}
figure{margin:0;max-width:34rem}figcaption{font-size:.88rem;color:var(--soft)}
svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--soft)}svg .words{fill:var(--ink)}.grid{stroke:var(--line)}
svg polyline{fill:none;stroke-width:2;stroke-linejoin:round}
svg .a{stroke:var(--a)}svg .b{stroke:var(--b)}svg .mark{fill:var(--b)}
svg .guide{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 4}
svg path{stroke:var(--a);stroke-linecap:round;fill:none}
svg .dots{stroke-width:3;opacity:.45}svg .big{stroke-width:7}
.bar{display:block;margin-top:.45rem;min-width:6rem;background:var(--panel)}
.bar i{display:block;height:.6rem;background:var(--a)}
pre{background:var(--panel);padding:.8rem;border-radius:.3rem;overflow-x:auto;font-size:.85rem}
details summary{cursor:pointer;color:var(--soft)}
@media print{:root{--ink:#000;--paper:#fff;--panel:#f3f3f3;--line:#ccc;--soft:#444;
--a:#0b66c3;--b:#c2570c;--good:#1a7f37;--bad:#c02626}
main{max-width:none;padding:0}h2{break-after:avoid}figure,tr,.verdict{break-inside:avoid}
.scroll,pre{overflow:visible}pre{white-space:pre-wrap}}
"""


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole page; it loads nothing and runs nothing."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def section(title: str, *content: str, note: str = "") -> Html:
    """Return a headed section; nothing where there is no content."""
    inner = "".join(content)
    if not inner:
        return Html("")
    said = paragraph(note, soft=True) if note else ""
    return Html(f"<section><h2>{escape(title)}</h2>{said}{inner}</section>")


def paragraph(words: Content, *, soft: bool = False) -> Html:
    """Return a paragraph."""
    return Html(f"<p{' class=soft' if soft else ''}>{_text(words)}</p>")


def table(
    head: Sequence[str], rows: Iterable[Sequence[Content]], numbers: Iterable[int] = ()
) -> Html:
    """Return a table, the columns `numbers` set to the right; nothing where there are no rows."""
    right = set(numbers)

    def cells(row: Sequence[Content], tag: str, scope: str = "") -> str:
        return "".join(
            f"<{tag}{scope}{' class=n' if i in right else ''}>{_text(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    if not body:
        return Html("")
    return Html(
        f'<div class="scroll"><table><thead><tr>{cells(head, "th", " scope=col")}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def cards(facts: Iterable[tuple[str, str]]) -> Html:
    """Return a row of facts: a small word above a large value."""
    inner = "".join(
        f'<div class="card"><span class="soft">{escape(name)}</span><b>{escape(value)}</b></div>'
        for name, value in facts
    )
    return Html(f'<div class="cards">{inner}</div>')


def figure(title: str, drawing: str, caption: str) -> Html:
    """Return a drawing with its title and a sentence on how to read it."""
    return Html(
        f"<figure><h3>{escape(title)}</h3>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
    )


def bar(share: float) -> Html:
    """Return a bar whose length is `share` (0 to 1) of its cell."""
    return Html(f'<span class="bar"><i style="width:{100 * share:.1f}%"></i></span>')


def preformatted(words: str, summary: str) -> Html:
    """Return text as it is, folded under its summary."""
    return Html(
        f"<details><summary>{escape(summary)}</summary><pre>{escape(words)}</pre></details>"
    )


def _text(content: Content) -> str:
    return content if isinstance(content, Html) else escape(content)
