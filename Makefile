# Everything below works where only Python 3.11+ (with venv) and make are present.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# Processes of the tests, one a core, each with one BLAS thread: several pools would fight over the cores.
WORKERS ?= auto

.PHONY: demo test quick lint bench calibrate format clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP)  ## set up a local environment, then real systems side by side with SciPy
	$(BIN)/fsci warmup
	$(BIN)/fsci demo

test: $(STAMP)  ## set up and run every test, SciPy's own suite under the patch included
	$(BIN)/fsci warmup
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m "not scipy_suite" --junitxml=junit.xml
	$(BIN)/python -m pytest -m scipy_suite --junitxml=junit-scipy.xml

quick: $(STAMP)  ## the daily subset, under two minutes
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow and not scipy_suite"

lint: $(STAMP)  ## format, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## fsci against SciPy and other peers side by side, work-precision diagrams, then the asv site
	$(BIN)/fsci warmup
	$(BIN)/python -m benchmarks.side_by_side
	$(BIN)/python -m benchmarks.integrate_side_by_side --quick
	$(BIN)/python -m benchmarks.work_precision --quick
	$(BIN)/python -m benchmarks.sparse_side_by_side --seconds 0.3
	$(BIN)/python -m benchmarks.spsolve_side_by_side --seconds 0.1
	$(BIN)/python -m benchmarks.iterations_side_by_side --seconds 0.3
	$(BIN)/python -m benchmarks.site

calibrate: $(STAMP)  ## measure the shipped cost and success tables again, on this machine
	$(BIN)/python -m benchmarks.calibrate_shipped

clean:
	rm -rf $(VENV) .asv .mypy_cache .pytest_cache .ruff_cache .hypothesis junit.xml junit-scipy.xml
