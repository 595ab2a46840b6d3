# Everything that a developer does with this checkout. `make help` lists it.
# MILLRACE_HOME, MILLRACE_PORT_BASE and DATA_DIR are taken from the environment.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV_VERSION := 0.13.8
EXAMPLE ?= breast-cancer
WORKERS ?= 2

export UV_PYTHON_DOWNLOADS := never
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up down status doctor test check bench bench-serving bench-models clean

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(STAMP)  ## Make .venv with everything in it

$(STAMP): requirements.txt pyproject.toml
	@scripts/install-environment.sh $(PYTHON) $(VENV) $(UV_VERSION)
	@touch $@

up: setup  ## Start the whole stack, train the example, show how to predict
	@$(BIN)/millrace up --detach --example $(EXAMPLE)

down:  ## Stop everything that `make up` started
	@if [ -x $(BIN)/millrace ]; then $(BIN)/millrace down; else echo "nothing is installed here"; fi

status: setup  ## Show each program of the stack
	@$(BIN)/millrace status

doctor: setup  ## Check every connection and say how to mend it
	@$(BIN)/millrace doctor

test: setup  ## Run all tests, WORKERS at a time
	@$(BIN)/pytest -n $(WORKERS) --durations 15

check: setup  ## Lint, format, types, layers, known vulnerabilities
	@scripts/check.sh $(BIN)

bench: setup  ## Measure against a floor; prints a table of ratios
	@$(BIN)/python tests/bench/bench.py

bench-serving: setup  ## Measure the service (PARTS="rates overload promotions outage soak"); needs wrk
	@PYTHONPATH=tests/bench $(BIN)/python tests/bench/serving/bench_serving.py $(PARTS)

bench-models: setup  ## Find models for the tables in DATA_DIR within 60 s each, beside FLAML and AutoGluon
	@PYTHONPATH=tests/bench $(BIN)/python tests/bench/models/bench_models.py $(TABLES)

clean: down  ## Stop the stack; remove caches and the state under .millrace (a MILLRACE_HOME elsewhere is left)
	rm -rf .millrace .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
