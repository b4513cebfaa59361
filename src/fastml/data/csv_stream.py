"""Delimited text on its way to Arrow, with a last row that shows a quote left open."""

from __future__ import annotations

import io
import time
import weakref
from types import TracebackType

import pyarrow as pa
import pyarrow.csv as pacsv

__all__ = ["Guard", "up_to_line_end"]

_LONGEST_WAIT = 0.25  # seconds; an error that was raised in reading may keep the text


class Guard:
    """Watches over Arrow while it parses a delimited text.

    Arrow takes a quote that is never closed to be closed by the end of the text, without a word.
    So the text is given one row more, of too many fields, which Arrow must find faulty: as a row
    of its own if all is well, which is skipped; as the end of another row if that one holds an
    open quote.

    On leaving it waits until Arrow's threads have let go of all that is Python's: one that still
    holds some when the interpreter exits aborts the process.

    Parameters
    ----------
    text : pyarrow.NativeFile
        UTF-8; closed on leaving.
    columns : int
    delimiter : str
    quote : str or None
    whole : bool
        False where the text is but the beginning of one, and may end inside quotes: such a row is
        skipped.

    Attributes
    ----------
    bad : pyarrow.csv.InvalidRow or None
        The faulty row at which Arrow stopped.
    open_quote : bool
        Whether what is wrong with it is that quote.
    """

    def __init__(
        self, text: pa.NativeFile, columns: int, delimiter: str, quote: str | None, whole: bool
    ) -> None:
        self.bad: pacsv.InvalidRow | None = None
        self.open_quote = False
        self._text = text
        self._whole = whole
        # Outside quotes the fields are one in quotes and `columns + 2` behind it; inside, the
        # first quote ends what was open, and `columns + 5` delimiters are met.
        many, more = delimiter * (columns + 5), delimiter * (columns + 2)
        self._row = "" if quote is None else f"{quote}{many}{quote}{more}"
        self._given: weakref.ref[GuardedText] | None = None

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._text.close()
        give_up = time.monotonic() + _LONGEST_WAIT
        while self._given is not None and self._given() and time.monotonic() < give_up:
            time.sleep(0.0005)

    def open(self) -> GuardedText:
        """Return the text for Arrow, which alone may keep it."""
        text = GuardedText(self, self._text, self._row)
        self._given = weakref.ref(text)
        return text

    def judge(self, row: pacsv.InvalidRow) -> str:
        """Return what is to be done about a faulty row, as Arrow takes it."""
        if self._row and row.text.endswith(self._row):
            self.open_quote = row.text != self._row
            if not (self.open_quote and self._whole):
                return "skip"
        self.bad = row
        return "error"


class GuardedText(io.RawIOBase):
    """The bytes of a text, and then one row more."""

    def __init__(self, guard: Guard, text: pa.NativeFile, row: str) -> None:
        self._guard = guard
        self._text = text
        self._row = row.encode()
        self._last = b"\n"
        self._ended = False

    def judge(self, row: pacsv.InvalidRow) -> str:
        """Let the guard judge: a handler whose owner is this text, as the guard waits for it."""
        return self._guard.judge(row)

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, count: int = -1) -> bytes:
        """Return `count` bytes, fewer at the end alone."""
        if self._ended:
            return b""
        part: bytes = self._text.read(count)
        while len(part) < count and (more := self._text.read(count - len(part))):
            part += more
        self._last = part[-1:] or self._last
        if len(part) < count:
            self._ended = True
            part += (b"" if self._last in b"\r\n" else b"\n") + self._row
        return part


def up_to_line_end(text: pa.NativeFile) -> pa.NativeFile:
    """Return the text up to its last line end, in memory."""
    with text:
        whole = text.read()
    return pa.BufferReader(whole[: max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1])
