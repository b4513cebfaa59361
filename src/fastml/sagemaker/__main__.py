"""The image's program: `python -m fastml.sagemaker train`, `serve` or `monitor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fastml.errors import FastMLError, did_you_mean
from fastml.sagemaker.stopping import end_on_sigterm

__all__ = ["main"]

_VERBS = ("train", "serve", "monitor")


def main(arguments: Sequence[str]) -> int:
    """Do what SageMaker asks for, a training where it asks for nothing; return the exit code."""
    verb = arguments[0] if arguments else "train"
    if verb not in _VERBS:
        print(f"{verb!r} is not known{did_you_mean(verb, _VERBS, listed=True)}", file=sys.stderr)
        return 2
    end_on_sigterm()  # before what takes long to import
    return {"train": _train, "serve": _serve, "monitor": _monitor}[verb]()


def _train() -> int:
    from fastml.sagemaker.train import train

    try:
        return train()
    except (FastMLError, OSError):  # which the log and the file `failure` tell of
        return 1


def _serve() -> int:
    from fastml.sagemaker.serve import serve

    try:
        serve()
    except (FastMLError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _monitor() -> int:
    from fastml.sagemaker.monitor import monitor

    try:
        monitor()
    except (FastMLError, OSError):  # which the log and the file `message` tell of
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
