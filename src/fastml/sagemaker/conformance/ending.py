"""Items of an endpoint that ends, or whose parts do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPException
from typing import TYPE_CHECKING

from fastml.sagemaker.conformance.asking import Connection, ask, pinged, wait_for_ping
from fastml.sagemaker.conformance.contract import Collected, expect

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["ENDING"]

ENDING = Collected("your-algorithms-inference-code")

NOTICE = 30.0
"""Seconds between SIGTERM and SIGKILL."""
HOPELESS = 60.0
"""Seconds in which a server must give up a model that cannot be loaded."""
REPLACED = 20.0


@ENDING.item(
    "serve.broken-model", "never answer /ping with 200 on a broken model, and end non-zero"
)
def _broken_model(bench: Workbench) -> str:
    # Files of the model that hold something else.
    layout = bench.holding_model()
    for file in filter(lambda each: each.is_file(), layout.model.rglob("*")):
        file.write_bytes(b"broken")
    with bench.serving(layout) as running:
        while running.ended() is None:
            answer = pinged(running) if running.ended() is None else None
            expect(
                answer is None or answer.status != 200,
                "/ping is answered with 200, though the model cannot be loaded",
            )
            passed = time.monotonic() - running.began
            expect(passed < HOPELESS, f"it had not ended after {passed:.0f} s")
            time.sleep(0.05)
        code = running.wait(1)
        seconds = time.monotonic() - running.began
        expect(code != 0, "it ended with 0")
    return f"ended with {code} after {seconds:.1f} s"


@ENDING.item("serve.drains", "on SIGTERM, answer requests under way, and end with 0 within 30 s")
def _drains(bench: Workbench) -> str:
    # A request of which a half had come, and one connection that is idle.
    body, kind = bench.sample.body, bench.sample.content_type
    with bench.serving() as running:
        wait_for_ping(running)
        with closing(Connection(running)) as idle, closing(Connection(running)) as asking:
            idle.ask("POST", "/invocations", body, {"Content-Type": kind}).expect(200)
            asking.putrequest("POST", "/invocations")
            asking.putheader("Content-Type", kind)
            asking.putheader("Content-Length", str(len(body)))
            asking.endheaders(body[: len(body) // 2])
            time.sleep(0.2)  # until it is being read
            running.tell("TERM")
            told = time.monotonic()
            time.sleep(1.0)
            asking.send(body[len(body) // 2 :])
            asking.answer().expect(200)
            code = running.wait(NOTICE - (time.monotonic() - told))
            seconds = time.monotonic() - told
        expect(code == 0, f"it ended with {code}")
    return f"ended after {seconds:.1f} s"


@ENDING.item("serve.worker-replaced", "replace a process that dies", source="serving.md")
def _worker_replaced(bench: Workbench) -> str:
    # A child of process 1 is killed; a program without any has nothing to replace. That requests
    # are answered does not suffice: others of its processes may do so.
    kind = {"Content-Type": bench.sample.content_type}
    with bench.serving() as running:
        wait_for_ping(running)
        before = running.children()
        if not before:
            return "it has no other process"
        running.kill(before[0])
        killed, answered = time.monotonic(), 0
        while answered < 20 or not _replaced(before, running.children()):
            running.expect_alive("after a process of its had been killed")
            seconds = time.monotonic() - killed
            there = len(running.children())
            expect(
                seconds < REPLACED,
                f"after {seconds:.0f} s {answered} requests in a row are answered, "
                f"by {there} of {len(before)} processes",
            )
            try:
                answer = ask(running, "POST", "/invocations", bench.sample.body, kind)
                answered = answered + 1 if answer.status == 200 else 0
            except (OSError, HTTPException):
                answered = 0
            time.sleep(0.02)
    return f"whole again within {seconds:.1f} s"


def _replaced(before: Sequence[int], now: Sequence[int]) -> bool:
    return before[0] not in now and len(now) >= len(before)
