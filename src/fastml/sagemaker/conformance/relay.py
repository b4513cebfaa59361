"""Leads connections on a Unix socket to a port of this machine: `python3 -c ... SOCKET PORT`.

It runs in a container beside the one that is tested, in the same network, which leads nowhere
else. So it knows the standard library alone, and the oldest Python that an image may have.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while True:
            part = source.recv(65536)
            if not part:
                break
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _lead(asking: socket.socket, port: int) -> None:
    try:
        answering = socket.create_connection(("127.0.0.1", port), timeout=10)
    except OSError:
        asking.close()
        return
    answering.settimeout(None)
    back = threading.Thread(target=_pass_on, args=(answering, asking))
    back.start()
    _pass_on(asking, answering)
    back.join()
    asking.close()
    answering.close()


def _relay(place: str, port: int) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{place}.new")
    os.chmod(f"{place}.new", 0o777)
    listening.listen(64)
    os.rename(f"{place}.new", place)  # whoever sees it can connect
    while True:
        asking, _ = listening.accept()
        threading.Thread(target=_lead, args=(asking, port), daemon=True).start()


if __name__ == "__main__":
    _relay(sys.argv[1], int(sys.argv[2]))
