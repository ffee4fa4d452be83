# Each target does all set-up itself, in .venv; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLUGINS := $(wildcard plugins/*)
SOURCES := cadkit plugins tests examples benchmarks conftest.py

.PHONY: setup demo test lint slow fuzz bench docs build format clean

setup: $(STAMP)

$(STAMP): pyproject.toml $(wildcard plugins/*/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[torch,dev]" $(foreach p,$(PLUGINS),-e $(p))
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/demo/demo.py demo

lint: $(STAMP)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread a process: two processes that each start two stand in each other's way.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

# Full resolution on the CPU, and everything else marked slow: before a release.
slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --slow

# Ten minutes of mutated files; an input of each kind of fault is kept in build/fuzz.
fuzz: $(STAMP)
	CADKIT_FUZZ_SECONDS=600 CADKIT_FUZZ_KEEP=build/fuzz OMP_NUM_THREADS=1 $(BIN)/pytest -n 0 -s tests/fuzz/test_fuzz.py

# Speed of the statistics beside the usual way, as one table with its bars; a few minutes on an idle machine.
bench: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed

# The documentation site, in build/site; a warning, a broken link, a page, picture or name that is missing ends it.
docs: $(STAMP)
	$(BIN)/pytest -q -n 0 -k every tests/docs/test_site.py
	$(BIN)/zensical build --clean --strict

# Wheels and source distributions of the core and of each plugin, in dist.
build: $(STAMP)
	rm -rf dist
	set -e; for project in . $(PLUGINS); do \
	  (cd $$project && $(CURDIR)/$(BIN)/python -m hatchling build -t sdist -t wheel -d $(CURDIR)/dist); \
	done

format: $(STAMP)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	rm -rf $(VENV) demo dist build .pytest_cache .mypy_cache .ruff_cache
