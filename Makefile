# Everything a person or CI runs. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev test test-slow check format bench bench-long bench-gpu clean

VENV ?= .venv
# The first of these that is Python 3.11 or newer makes the environment.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ARGS ?=
SOAK_SECONDS ?= 60

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/.run ## start the daemon on the default output; options in ARGS="--output null"
	@$(BIN)/daw-bridge run $(ARGS)

dev: $(VENV)/.dev ## install what training and the tests need

test: $(VENV)/.dev $(VENV)/.test-system ## all tests that take less than a minute each, two files at a time
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-slow: $(VENV)/.dev $(VENV)/.test-system ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow --timeout 1800 $(ARGS)

check: $(VENV)/.dev ## format, lint, types and docstrings; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pydoclint --quiet daw_bridge generator training bench scripts

format: $(VENV)/.dev ## bring the sources into the house's form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev $(VENV)/.test-system ## print the table of figures and write docs/bench.md
	@$(BIN)/python -m bench --soak-seconds $(SOAK_SECONDS) $(ARGS)

bench-long: ## the same with ten minutes on JACK
	@$(MAKE) bench SOAK_SECONDS=600

bench-gpu: $(VENV)/.dev ## the figures of the accelerator backend; needs a CUDA device (ARGS="--device cpu --small" to try)
	@$(BIN)/python -m bench.gpu $(ARGS)

clean: ## remove the environment and the tools' caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# ── environments ─────────────────────────────────────────────────────────────
# Empty files inside the environment tell that a step is done for these inputs.

$(VENV)/.system: scripts/system_packages.sh
	@scripts/system_packages.sh run
	@mkdir -p $(VENV) && touch $@

$(VENV)/bin/python: | $(VENV)/.system
	@python="$(PYTHON)"; [ -n "$$python" ] || python=python3; \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "daw-bridge needs Python 3.11 or newer; found $$($$python --version 2>&1). Install one and run: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }; \
	echo "making $(VENV) with $$($$python --version)"; $$python -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing the daemon (without torch)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt requirements-nodeps.txt | $(VENV)/bin/python
	@echo "installing the daemon, the trainer and the tools (torch is large: some minutes)"
	@$(PIP) -e '.[train,dev]'
	@$(PIP) --no-deps -r requirements-nodeps.txt
	@touch $@ $(VENV)/.run

$(VENV)/.test-system: scripts/system_packages.sh | $(VENV)/bin/python
	@scripts/system_packages.sh test
	@touch $@
