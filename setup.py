"""Builds the compiled core; everything else about the package stands in pyproject.toml."""

import os
import re
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = Path("src/fastml/_native")
LIMITED_API = [("Py_LIMITED_API", "0x030B0000")]  # Python 3.11, the oldest that is supported
SHARED = "fastml._native.cython_shared"  # what Cython would put into each module, 0.1 MB a piece

COMPILE = [
    "-std=c++20",
    "-O3",
    "-g0",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",  # results must not depend on what the compiler chose to fuse
]
INCLUDED = re.compile(r'^(?:#include|#define FASTML_BODY|cdef extern from) "(.+?)"', re.MULTILINE)
LINK = ["-Wl,--strip-all"]
SANITIZE = os.environ.get("FASTML_SANITIZE")  # "address,undefined", for the sanitizer run
if SANITIZE:
    COMPILE += ["-O1", "-g1", f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"]
    COMPILE += ["-fno-sanitize-recover=all"]
    LINK = [f"-fsanitize={SANITIZE}"]


def read_by(*sources: Path) -> list[str]:
    """Return every file of the core that `sources` include, straight or through another."""
    found, waiting = set(sources), list(sources)
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8")
        names = INCLUDED.findall(text)
        names += [f"{name}.pxd" for name in re.findall(r"_native\.(\w+) cimport", text)]
        new = {NATIVE / name for name in names if (NATIVE / name).exists()} - found
        found |= new
        waiting += new
    return sorted(map(str, found))


def extension(pyx: Path) -> Extension:
    """Describe one concept's module: `moments.pyx`, with `moments_kernels.cpp` where it exists."""
    kernels = pyx.with_suffix(".cpp")
    kernels = kernels.with_name(f"{kernels.stem}_kernels.cpp")
    sources = [pyx, kernels] if kernels.exists() else [pyx]
    return Extension(
        f"fastml._native.{pyx.stem}",
        [str(path) for path in sources],
        include_dirs=[str(NATIVE)],
        depends=read_by(*sources),
        define_macros=LIMITED_API,
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        language="c++",
        py_limited_api=True,
    )


def shared() -> Extension:
    """Describe the module that Cython writes for all others: buffers and functions of Python."""
    return Extension(
        SHARED,
        ["cython_shared.c"],
        define_macros=LIMITED_API,
        extra_compile_args=["-Os", "-g0", "-fvisibility=hidden"],
        extra_link_args=LINK,
        py_limited_api=True,
    )


only = os.environ.get("FASTML_EXTENSION")  # one module alone, or none
modules = [p for p in sorted(NATIVE.glob("*.pyx")) if only in (None, p.stem)]
setup(
    options={
        "bdist_wheel": {"py_limited_api": "cp311"},
        "build_ext": {"parallel": os.cpu_count()},
    },
    ext_modules=cythonize(
        [*map(extension, modules), shared()] if modules else [],
        shared_utility_qualified_name=SHARED,
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
        compiler_directives={
            "language_level": 3,
            "boundscheck": bool(os.environ.get("FASTML_DEBUG")),
            "wraparound": False,
            "cdivision": True,
            "embedsignature": True,
        },
    ),
)
