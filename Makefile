# Everything a contributor needs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help test check fix bench demo demo-django clean lint ui

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "motia needs Python 3.11 or later; try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "cannot create $(VENV): on Debian, install python3-venv first" >&2; rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) ..."
	@$(PIP) install --upgrade pip
	@$(PIP) install --editable '.[dev]'
	@touch $@

test: $(STAMP) ## every test that this machine can run; the rest is skipped with a reason
	@$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint ## format, lint, types, layers, and the tests that need no server
	@$(BIN)/python -m pytest -m "not service and not browser" $(ARGS)

fix: $(STAMP) ## format, and mend what can be mended without thinking
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## the benchmarks; their figures are ratios measured in one run
	@$(PIP) install --editable '.[bench]'
	@$(BIN)/python -m benchmarks $(ARGS)

demo: $(STAMP) ## the order workflow of an online shop, live; DEMO_ONCE=1 ends it by itself
	@$(BIN)/python -m examples.fastapi_app.demo

demo-django: $(STAMP) ## a Django shop with its worker, live; DEMO_ONCE=1 ends it by itself
	@$(BIN)/python -m examples.django_app.demo

ui: ## build the page of the Workbench anew; needs Node 20 or later, and nothing else does
	cd ui && npm ci && npm run build

clean: ## remove everything that was made
	rm -rf $(VENV) build dist ui/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
