"""The image's program: `python -m fastml.sagemaker train`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fastml.errors import FastMLError, did_you_mean
from fastml.sagemaker.stopping import end_on_sigterm

__all__ = ["main"]
_VERBS = ("train",)


def main(arguments: Sequence[str]) -> int:
    """Do what SageMaker asks for, a training where it asks for nothing; return the exit code."""
    verb = arguments[0] if arguments else "train"
    if verb not in _VERBS:
        print(f"{verb!r} is not known{did_you_mean(verb, _VERBS, listed=True)}", file=sys.stderr)
        return 2
    end_on_sigterm()  # before what takes long to import
    from fastml.sagemaker.train import train

    try:
        return train()
    except (FastMLError, OSError):  # which the log and the file `failure` tell of
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
