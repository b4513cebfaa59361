"""How a delimited text file is written: its delimiter and its column names."""

from __future__ import annotations

import csv
import io
from collections import Counter

__all__ = ["sniff_delimiter", "split_line"]

_CANDIDATES = ",;\t|"
_SAMPLED_RECORDS = 200


def sniff_delimiter(sample: str, quote: str | None, escape: str | None) -> str:
    """Return the delimiter that cuts the records of `sample` most evenly, into most fields.

    A comma where nothing cuts them.
    """
    scores = {}
    for delimiter in _CANDIDATES:
        widths = Counter(len(r) for r in _records(sample, delimiter, quote, escape) if r)
        if not widths:
            continue
        width, agreeing = widths.most_common(1)[0]
        if width > 1:
            scores[delimiter] = (round(agreeing / widths.total(), 1), width)
    return max(scores, key=scores.__getitem__) if scores else ","


def split_line(sample: str, delimiter: str, quote: str | None, escape: str | None) -> list[str]:
    """Return the fields of the first record that is not blank."""
    return next((r for r in _records(sample, delimiter, quote, escape) if r), [])


def _records(sample: str, delimiter: str, quote: str | None, escape: str | None) -> list[list[str]]:
    """Return the first records, without the last of the sample, which may be cut short."""
    rows = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape,
    )
    records: list[list[str]] = []
    try:
        for record in rows:
            records.append(record)
            if len(records) > _SAMPLED_RECORDS:
                break
    except csv.Error:  # a field over the module's limit: a quote that is never closed
        pass
    return records[:-1] if len(records) > 1 and not sample.endswith(("\n", "\r")) else records
