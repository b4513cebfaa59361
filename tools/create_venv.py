"""Create a virtual environment, or say what this machine lacks for one and for the compiled core.

Runs under any Python 3.6+, so that an old one gets a message and not a syntax error.
"""

import os
import shutil
import subprocess
import sys
import sysconfig


def lacking():
    """Return what has to be installed first, in words, or None."""
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"Python 3.11 or later is needed, but {sys.executable} is {version}; "
            "if there is another, name it: make PYTHON=python3.11 ..."
        )
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        return (
            f"Python's headers are needed, but there is no {header}; "
            "on Debian and Ubuntu: apt install python3-dev"
        )
    compiler = os.environ.get("CXX", "c++").split()[0]
    if shutil.which(compiler) is None:
        return (
            f"a C++20 compiler is needed, but there is no {compiler}; "
            "on Debian and Ubuntu: apt install g++ (or name one: CXX=clang++)"
        )
    return None


def create(folder):
    """Create the environment with pip in it; return what went wrong, in words, or None."""
    venv = [sys.executable, "-m", "venv", "--clear", folder]
    try:
        import ensurepip  # noqa: F401
    except ImportError:  # Debian puts it in a package of its own; a pip outside may do as well
        subprocess.check_call([*venv, "--without-pip"])
        inside = os.path.join(folder, "bin", "python")
        if subprocess.call(
            [sys.executable, "-m", "pip", "--python", inside, "install", "-q", "pip"]
        ):
            shutil.rmtree(folder)
            return (
                f"{sys.executable} can put no pip into a virtual environment; "
                "on Debian and Ubuntu: apt install python3-venv"
            )
        return None
    return subprocess.call(venv) and "the virtual environment could not be created"


if __name__ == "__main__":
    problem = lacking() or create(sys.argv[1])
    if problem:
        sys.exit(f"fastml: {problem}")
