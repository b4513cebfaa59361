"""Tries an image as SageMaker would: a training on the churn table, and one that must fail.

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


def run(engine: str, image: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a job in a container, as `docker run IMAGE train` does."""
    options = ["--rm", "--network=none", "--read-only", "--user=12345:12345"]
    command = [engine, "run", *options, f"--volume={root}:/opt/ml", image, "train"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(image: str, engine: str | None = None) -> None:
    """Run both jobs, and say what was found."""
    engine = engine or next(filter(shutil.which, ("docker", "podman")), None)
    if engine is None:
        sys.exit("neither docker nor podman is here; name the engine: check_image.py IMAGE ENGINE")
    with tempfile.TemporaryDirectory() as place:
        root = job(Path(place) / "good", {"target": "churn", "success.roc_auc.min": "0.75"})
        began = time.monotonic()
        done = run(engine, image, root)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[fastml] passed=1" in done.stdout, done.stdout
        assert (root / "model" / "manifest.json").is_file(), sorted((root / "model").iterdir())
        metrics = json.loads((root / "output" / "data" / "metrics.json").read_text("utf-8"))
        print(f"trained in {seconds:.1f} s: roc_auc {metrics['splits']['test']['roc_auc']:.4f}")

        root = job(Path(place) / "bad", {"target": "churn", "epohcs": "3"})
        failed = run(engine, image, root)
        assert failed.returncode != 0, "a mistyped hyperparameter went unnoticed"
        cause = (root / "output" / "failure").read_text("utf-8").splitlines()[0]
        assert "did you mean 'epochs'" in cause, cause
        print(f"failed as it should: {cause}")


if __name__ == "__main__":
    main(*sys.argv[1:])
