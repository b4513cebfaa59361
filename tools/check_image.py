"""Tries an image as SageMaker would: a training on the churn table, its model, and a failure.

    python tools/check_image.py IMAGE [ENGINE]

ENGINE is docker, podman or a program with the same `run`; default the first that is found. The
container has no network, a read-only root and a user who is nobody.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHURN = Path(__file__).parents[1] / "src" / "fastml" / "workflow" / "demo"
TABLE = "telco_churn_mlc.parquet"

ASK = """
import json, subprocess, sys, time, urllib.error, urllib.request
import pyarrow.parquet as pq

row = pq.read_table("/opt/ml/input/data/train").slice(0, 1).to_pylist()
server = subprocess.Popen([sys.executable, "-m", "fastml.sagemaker", "serve"])
request = urllib.request.Request("http://127.0.0.1:8080/invocations", json.dumps(row).encode())
request.add_header("Content-Type", "application/json")
for _ in range(200):
    try:
        urllib.request.urlopen("http://127.0.0.1:8080/ping", timeout=2).close()
        break
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.05)
print(urllib.request.urlopen(request, timeout=5).read().decode())
server.terminate()
sys.exit(server.wait(30))
"""


def job(root: Path, hyperparameters: dict[str, str]) -> Path:
    """Make the /opt/ml of a job."""
    config, train = root / "input" / "config", root / "input" / "data" / "train"
    for folder in (config, train, root / "model", root / "output" / "data", root / "checkpoints"):
        folder.mkdir(parents=True)
    for folder in (root, *root.rglob("*")):
        folder.chmod(0o777)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters), encoding="utf-8")
    resources = {"current_host": "algo-1", "hosts": ["algo-1"]}
    (config / "resourceconfig.json").write_text(json.dumps(resources), encoding="utf-8")
    channels = {"train": {"TrainingInputMode": "File"}}
    (config / "inputdataconfig.json").write_text(json.dumps(channels), encoding="utf-8")
    shutil.copy(CHURN / TABLE, train)
    return root


def run(
    engine: str, image: str, root: Path, *arguments: str, entrypoint: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a container of a job, as `docker run IMAGE train` does."""
    options = ["--rm", "--network=none", "--read-only", "--user=12345:12345"]
    options += [f"--entrypoint={entrypoint}"] if entrypoint else []
    command = [engine, "run", *options, f"--volume={root}:/opt/ml", image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(image: str, engine: str | None = None) -> None:
    """Run the containers, and say what was found."""
    engine = engine or next(filter(shutil.which, ("docker", "podman")), None)
    if engine is None:
        sys.exit("neither docker nor podman is here; name the engine: check_image.py IMAGE ENGINE")
    with tempfile.TemporaryDirectory() as place:
        root = job(Path(place) / "good", {"target": "churn", "success.roc_auc.min": "0.75"})
        began = time.monotonic()
        done = run(engine, image, root, "train")
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[fastml] passed=1" in done.stdout, done.stdout
        assert (root / "model" / "manifest.json").is_file(), sorted((root / "model").iterdir())
        metrics = json.loads((root / "output" / "data" / "metrics.json").read_text("utf-8"))
        print(f"trained in {seconds:.1f} s: roc_auc {metrics['splits']['test']['roc_auc']:.4f}")

        asked = run(engine, image, root, "-c", ASK, entrypoint="python")
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert "predictions" in asked.stdout, asked.stdout
        print(f"answered: {asked.stdout.strip()}")

        root = job(Path(place) / "bad", {"target": "churn", "epohcs": "3"})
        failed = run(engine, image, root, "train")
        assert failed.returncode != 0, "a mistyped hyperparameter went unnoticed"
        cause = (root / "output" / "failure").read_text("utf-8").splitlines()[0]
        assert "did you mean 'epochs'" in cause, cause
        print(f"failed as it should: {cause}")


if __name__ == "__main__":
    main(*sys.argv[1:])
