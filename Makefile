# Every target sets up what it needs in .venv of this folder; `make help` lists them.
# It takes Python 3.11+ with its headers, a C++20 compiler and make; packages come from the index
# that pip is configured for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NATIVE := $(wildcard src/fastml/_native/*)
NATIVE := $(filter %.pyx %.pxd %.hpp %.cpp %.inc,$(NATIVE))
IMAGE ?= fastml
ENGINE ?= $(firstword $(notdir $(shell command -v docker podman)))
BUILD_IMAGE ?= $(ENGINE) build --file docker/Dockerfile --tag $(IMAGE) .
BUILD_IMAGE_GPU ?= $(ENGINE) build --file docker/Dockerfile.gpu --build-arg FASTML=$(IMAGE) --tag $(IMAGE)-gpu .
UV ?= $(BIN)/uv
LOCK := $(UV) pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes \
  --no-annotate --no-header --no-emit-index-url --no-emit-find-links
QUICK_JSON := build/bench-quick.json

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-quick bench-accept wheel image image-gpu lock sanitize build clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(VENV)/.installed $(VENV)/.compiled  ## the whole loop on real churn data: train, judge, explain, predict
	$(BIN)/fastml demo

test: $(VENV)/.with-test $(VENV)/.compiled  ## the test suite
	$(BIN)/python -m pytest

check: $(VENV)/.with-test $(VENV)/.with-check $(VENV)/.compiled  ## style, types, Cython and the floors of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint src/fastml/_native
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench-quick: $(VENV)/.with-bench $(VENV)/.compiled  ## each job beside its peers on small tables, and the kernels' instruction counts
	@mkdir -p build
	$(BIN)/python -m pytest benchmarks --quick --benchmark-columns=median,rounds --benchmark-json=$(QUICK_JSON)

bench: $(VENV)/.with-bench $(VENV)/.compiled  ## the same on the full tables (made once in bench-data/); writes benchmarks/RESULTS.md and KERNELS.md
	$(BIN)/python -m benchmarks.tables D1 D2 D3 D4
	$(BIN)/python -m pytest benchmarks --benchmark-columns=median,rounds --benchmark-json=benchmarks/results.json
	$(BIN)/python -m benchmarks.results benchmarks/results.json benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.kernels --write

bench-accept: $(VENV)/.with-bench $(VENV)/.compiled  ## take the kernels' present instruction counts as the committed ones
	$(BIN)/python -m benchmarks.instructions --accept

wheel: $(VENV)/.with-check  ## sdist, wheel from the sdist, and that wheel used from outside this folder
	rm -rf build/wheel
	$(BIN)/python -m build --quiet --outdir build/wheel .
	$(BIN)/python tools/check_wheel.py build/wheel

image: $(VENV)/.installed $(VENV)/.compiled  ## the container of SageMaker jobs, and the contract run against it; ENGINE=docker|podman
	@test -n "$(ENGINE)" || { echo "neither docker nor podman is here; name the engine: make image ENGINE=..."; exit 1; }
	$(BUILD_IMAGE)
	$(BIN)/python -m fastml sagemaker test $(IMAGE) --engine "$(ENGINE)"

image-gpu: image  ## the same with torch and CUDA; BUILD_IMAGE_GPU= builds it in another way
	$(BUILD_IMAGE_GPU)
	$(BIN)/python -m fastml sagemaker test $(IMAGE)-gpu --engine "$(ENGINE)"

lock: $(VENV)/.with-lock  ## the hashes of all that the images hold, by uv: docker/requirements*.txt
	$(LOCK) pyproject.toml --extra serve --output-file docker/requirements.txt
	$(LOCK) pyproject.toml --extra serve --extra xgboost --extra tune --output-file docker/requirements-tune.txt
	{ $(BIN)/python tools/build_requires.py; echo cyclonedx-bom; } | $(LOCK) - --output-file docker/requirements-build.txt
	echo torch==2.13.0 | $(LOCK) - --constraint docker/requirements.txt --output-file docker/requirements-torch.txt

sanitize: $(VENV)/.with-test  ## kernel tests under the address and undefined-behaviour sanitizers
	$(BIN)/python tools/sanitize.py

build: $(VENV)/.installed $(VENV)/.compiled  ## compile what has changed in src/fastml/_native

clean:  ## remove what was built (.venv and bench-data stay)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf src/*.egg-info src/fastml/_native/*.so $(VENV)/.installed $(VENV)/.compiled $(VENV)/.with-*

# Set-up runs once, and again when what it depends on has changed.

$(VENV)/.created:
	$(PYTHON) tools/create_venv.py $(VENV)
	@touch $@

$(VENV)/.build-tools: $(VENV)/.created pyproject.toml
	$(PIP) install --quiet $$($(BIN)/python tools/build_requires.py)
	@touch $@

# Without the extensions, which pip would compile anew each time.
$(VENV)/.installed: $(VENV)/.build-tools pyproject.toml
	FASTML_EXTENSION=none $(PIP) install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/.with-%: $(VENV)/.installed
	FASTML_EXTENSION=none $(PIP) install --quiet --no-build-isolation --editable '.[$*]'
	@touch $@

$(VENV)/.compiled: $(VENV)/.build-tools setup.py $(NATIVE)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@
