# newswake: everything a person or a machine does with this project, by name.
#   make backtest   install into .venv and run the quickstart backtest
#   make test       install what tests need and run them all
#   make checks     lint, types, import contracts (what CI runs beside the tests)

VENV   := .venv
BIN    := $(VENV)/bin
# The newest supported interpreter that really runs (a pyenv shim may exist and fail).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
            $$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$p; break; }; \
          done)
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK   := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
CODE   := markets signals strategies backtests tests benchmarks examples docs

.DEFAULT_GOAL := help
# What can be measured: the modules of benchmarks/.
.PHONY: help setup setup-dev backtest test checks lint types contracts format docs lock clean

help: ## what there is
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "newswake needs Python 3.11, 3.12 or 3.13 on the PATH (or PYTHON=/path/to/python)" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing the locked dependencies"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing the locked test and check tools"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime ## install newswake into .venv
setup-dev: $(VENV)/.dev ## install the test and check tools too

backtest: setup ## run the quickstart backtest on the embedded known-answer market
	@$(BIN)/newswake run configs/quickstart.toml

test: setup-dev ## run all tests
	@$(BIN)/python -m pytest -n auto --dist worksteal

checks: lint types contracts ## lint, types and import contracts

lint: setup-dev ## ruff: rules and format
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: setup-dev ## mypy, strict, on the four packages
	@$(BIN)/mypy

contracts: setup-dev ## import-linter: data flows one way
	@$(BIN)/lint-imports

format: setup-dev ## put the code into its format
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

benchmark-%: setup-dev ## measure a promise, as ratios in one run: rulebook, reading, engine, …
	@$(BIN)/python -m benchmarks.$*

docs: setup-dev ## write the generated pages, the output that pages show, and the picture
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/play.py --write
	@$(BIN)/python docs/picture.py

lock: ## pin the dependencies again (needs uv on the PATH)
	uv pip compile $(LOCK) --group build --group dev pyproject.toml -o requirements-dev.lock
	uv pip compile $(LOCK) --group build pyproject.toml -c requirements-dev.lock -o requirements.lock

clean: ## remove the environment and caches (never runs/)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
