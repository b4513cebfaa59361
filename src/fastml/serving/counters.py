"""What a server has done, counted in memory that all its workers share, as Prometheus reads it."""

from __future__ import annotations

import mmap
from typing import Final

__all__ = ["BUCKETS", "Counters"]

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram, in seconds."""
_STATUSES: Final = (200, 400, 404, 405, 406, 408, 409, 413, 415, 500, 503, 507)
_FIELDS: Final = (
    *(f"status_{status}" for status in _STATUSES),
    *(f"bucket_{i}" for i in range(len(BUCKETS) + 1)),
    "seconds",
    "bytes_in",
    "bytes_out",
    "reloads",
    "failed_reloads",
    "restarts",
)
_PLACE: Final = {name: i for i, name in enumerate(_FIELDS)}
_OF_STATUS: Final = {status: _PLACE[f"status_{status}"] for status in _STATUSES}


class Counters:
    """Counters of the workers of a server.

    Each worker writes to a row of its own, so none waits for another; its replacement goes on with
    the row, so no count is lost with a worker. Made before the workers are, and shared by forking.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, 8 * len(_FIELDS) * workers)
        self._values = memoryview(self._memory).cast("d")
        self._first = 0

    def of_worker(self, worker: int) -> None:
        """Write to the row of this worker from now on."""
        self._first = worker * len(_FIELDS)

    def answered(self, status: int, seconds: float, bytes_in: int, bytes_out: int) -> None:
        """Count a request to a model."""
        values, first = self._values, self._first
        values[first + _OF_STATUS.get(status, _OF_STATUS[500])] += 1.0
        bucket = 0
        for bound in BUCKETS:
            if seconds <= bound:
                break
            bucket += 1
        values[first + _PLACE["bucket_0"] + bucket] += 1.0
        values[first + _PLACE["seconds"]] += seconds
        values[first + _PLACE["bytes_in"]] += bytes_in
        values[first + _PLACE["bytes_out"]] += bytes_out

    def add(self, name: str) -> None:
        """Count one of what happened: `reloads`, `failed_reloads` or `restarts`."""
        self._values[self._first + _PLACE[name]] += 1.0

    def total(self, name: str) -> float:
        """Return a counter over all workers."""
        place, width = _PLACE[name], len(_FIELDS)
        return sum(self._values[place + worker * width] for worker in range(self._workers))

    def text(self) -> str:
        """Return all of them in Prometheus' text format (version 0.0.4)."""
        lines = [
            "# HELP fastml_requests_total Requests to the model, by status.",
            "# TYPE fastml_requests_total counter",
            *(
                f'fastml_requests_total{{status="{status}"}} {self.total(f"status_{status}"):.0f}'
                for status in _STATUSES
            ),
            "# HELP fastml_request_seconds From the whole body to the whole answer.",
            "# TYPE fastml_request_seconds histogram",
        ]
        below = 0.0
        for i, bound in enumerate((*map(str, BUCKETS), "+Inf")):
            below += self.total(f"bucket_{i}")
            lines.append(f'fastml_request_seconds_bucket{{le="{bound}"}} {below:.0f}')
        lines += [
            f"fastml_request_seconds_sum {self.total('seconds'):.6f}",
            f"fastml_request_seconds_count {below:.0f}",
        ]
        for name, told in _TOLD.items():
            lines += [
                f"# HELP fastml_{name}_total {told}",
                f"# TYPE fastml_{name}_total counter",
                f"fastml_{name}_total {self.total(name):.0f}",
            ]
        lines += [
            "# HELP fastml_workers Processes that answer.",
            "# TYPE fastml_workers gauge",
            f"fastml_workers {self._workers}",
        ]
        return "\n".join(lines) + "\n"


_TOLD: Final = {
    "bytes_in": "Bytes of requests.",
    "bytes_out": "Bytes of answers.",
    "reloads": "Times that a worker took up a new model.",
    "failed_reloads": "Times that a new model could not be opened, and the old one stayed.",
    "restarts": "Workers that ended unasked, and were replaced.",
}
