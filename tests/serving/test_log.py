"""What a server says of itself."""

from __future__ import annotations

import json
import os
import sys

import pytest

from fastml.serving.log import say


def test_an_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    say("refused", status=400, request='a "b"\n')
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["status"], found["request"]) == ("refused", 400, 'a "b"\n')
    assert found["at"].endswith("Z")


def test_a_log_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        say("refused", status=400)
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            broken.flush()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), write)
