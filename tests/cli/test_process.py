"""How the command ends: interrupted, terminated, with nobody reading, and how soon it starts."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from fastml.cli import main; main()"]

ENDLESS = """
import sys, time
import pyarrow as pa
batch = pa.record_batch({"a": range(1000)})
with pa.ipc.new_stream(sys.stdout.buffer, batch.schema) as stream:
    while True:
        stream.write_batch(batch)
        sys.stdout.flush()
        time.sleep(0.001)
"""


def wait_for(folder: Path, pattern: str) -> None:
    """Wait until a file that matches is there; the test fails where none comes."""
    deadline = time.monotonic() + 20
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_a_stopped_command_leaves_nothing_half_written(
    sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE) as endless,
        subprocess.Popen(
            [*COMMAND, "convert", "-", "out.jsonl"],
            stdin=endless.stdout,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
        ) as process,
    ):
        try:
            wait_for(tmp_path, ".out.jsonl.*.tmp")
            process.send_signal(sent)
            _, said = process.communicate(timeout=20)
        finally:
            endless.kill()
            process.kill()
    assert process.returncode == code
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_nobody_reads_the_output(folder: Path) -> None:
    subprocess.run(
        [*COMMAND, "run", "project.toml", "--out", "run"], check=True, capture_output=True
    )
    with subprocess.Popen(
        [*COMMAND, "predict", "run", "shops.csv", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "text"])
def test_a_failed_gate_is_told_to_nobody_too(arguments: list[str], folder: Path) -> None:
    file = Path("project.toml")
    file.write_text(file.read_text().replace("0.8", "0.9999"))
    with subprocess.Popen(
        [*COMMAND, "run", "project.toml", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert b"BrokenPipe" not in process.stderr.read()
    assert process.returncode == 3


def test_threads_are_those_of_arrow_too() -> None:
    script = (
        "import sys\nsys.argv = ['fastml', 'profile', 'nowhere.csv', '--threads', '1']\n"
        "from fastml.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        "import pyarrow, fastml.engine\nprint(pyarrow.cpu_count(), fastml.engine.default_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1", "1"]


def test_exit_codes_of_the_process(folder: Path) -> None:
    def code(*arguments: str) -> int:
        return subprocess.run([*COMMAND, *arguments], capture_output=True).returncode

    assert code("run", "project.toml") == 0
    assert code("run", "nowhere.toml") == 2
    file = Path("project.toml")
    file.write_text(file.read_text().replace("0.8", "0.9999"))
    assert code("run", "project.toml") == 3


def test_help_takes_a_moment() -> None:
    """At most 0.2 CPU-seconds, the best of three: what a command may cost before its work."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) <= 0.2


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nsys.argv = ['fastml', '--help']\nfrom fastml.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print({'numpy', 'pyarrow', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert result.stderr.strip() == "set()"
