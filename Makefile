# Commands of this project. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
STUDIES := michigan-training-grants sme-demo
export MPLCONFIGDIR ?= $(CURDIR)/.venv/matplotlib
export DVC_NO_ANALYTICS := 1
.DEFAULT_GOAL := help
.PHONY: setup fix check test test-slow reference demo bench docs help

setup: .venv/.ready ## Make .venv with everything locked by hash

.venv/.ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "evalkit needs Python 3.11 or newer (PYTHON=... chooses one)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv; } \
	  || { echo "Debian keeps venv in a package of its own: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --quiet --no-cache --python $(BIN)/python --require-hashes -r requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

fix: setup ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup ## Format, lint, types, floors and the architecture tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/architecture -m "not slow"

test: setup ## The fast suite
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: setup ## What takes minutes
	$(BIN)/pytest -n 2 -m slow

reference: setup ## Published numbers and second implementations
	$(BIN)/pytest tests/reference

demo: setup ## Evaluate the two example studies; prints the findings and where the reports are
	@for study in $(STUDIES); do \
	  ls sample_data/$$study/firm_years.* >/dev/null 2>&1 || $(BIN)/evalkit init . --example $$study || exit $$?; \
	  echo "== $$study"; \
	  $(BIN)/evalkit run pipelines/$$study/study.toml --out reports/out || exit $$?; \
	done

bench: setup ## Time and memory of the main passes
	@for script in benchmarks/*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

docs: setup ## Write docs/out/methods.md, the reference of all methods, from the methods themselves
	$(BIN)/python docs/methods_reference.py

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12
