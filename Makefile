# Everything a newcomer needs; `make` alone lists it. Needs Python 3.11 or newer, nothing else: the
# playground takes Node.js from PyPI if the system has none that is new enough.
# Of two, the one that was optimised by a profile: distributions build theirs so, version managers as
# a rule do not, and a request takes a tenth to a third less of it.
PYTHON ?= $(shell python3 -c 'import sys, sysconfig as s; \
	sys.exit("--enable-optimizations" in s.get_config_var("CONFIG_ARGS"))' 2>/dev/null && \
	/usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin

SUMMARY := $(abspath $(VENV))/check.jsonl
ran = test -z "$$CHECK_SUMMARY" || echo '{"step": "$(1)", "outcome": "passed"}' >> "$$CHECK_SUMMARY"

.DEFAULT_GOAL := help
.PHONY: help run playground web test check run-checks fmt schema release-schema lint-schema collection docs \
	docs-generate docs-check bench migration lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Python compiles all modules at each start if it is told to write no bytecode, which takes a second.
run: ## Serve the API with a local Companies House and sample data (PORT=8000)
	@$(MAKE) --silent --no-print-directory --jobs=2 $(VENV)/installed build/playground.tried
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python manage.py serve --development

playground: | $(BIN)/pip ## Build the playground, which `make run` does once
	@playground/build
	@touch build/playground.tried

# Not tried again at each start if it failed, since that may take long without a network.
build/playground.tried: $(wildcard playground/* playground/src/* playground/operations/*) | $(BIN)/pip
	@playground/build || true
	@mkdir -p build && touch $@

web: $(VENV)/installed ## Serve the example front end, and the API beside it (PORT=8000, WEB_PORT=5173)
	@examples/web/run

test: $(VENV)/installed-dev ## Run all tests on SQLite, and the storage tests on PostgreSQL if it answers
	$(BIN)/python -m tests.both_databases

check: $(VENV)/installed-dev ## Check format, lint, types, schema and docs, then test: what CI runs
	@rm -f $(SUMMARY)
	@CHECK_SUMMARY=$(SUMMARY) $(MAKE) --no-print-directory run-checks; status=$$?; \
		$(BIN)/python -m tests.check_summary $(SUMMARY); exit $$status

run-checks:
	$(BIN)/ruff format --check .
	@$(call ran,format)
	$(BIN)/ruff check .
	@$(call ran,lint)
	$(BIN)/mypy .
	@$(call ran,types)
	$(BIN)/python manage.py schema | diff -u schema/schema.graphql -
	@$(call ran,printed schema)
	$(BIN)/python -m tests.contract_changes
	@$(call ran,contract)
	$(MAKE) --no-print-directory lint-schema
	$(MAKE) --no-print-directory docs-check
	@$(call ran,docs)
	$(MAKE) --no-print-directory test

fmt: $(VENV)/installed-dev ## Fix what the linter can fix, then format, even while lint errors are left
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

schema: $(VENV)/installed ## Print the schema into schema/schema.graphql
	$(BIN)/python manage.py schema > $(VENV)/schema.graphql
	mv $(VENV)/schema.graphql schema/schema.graphql

release-schema: $(VENV)/installed-dev ## Make the printed schema the released one, if it breaks no client
	@$(BIN)/python -m tests.contract_changes --release

lint-schema: ## Lint the printed schema by graphql-eslint and Relay's compiler, if Node.js is there
	@tests/schema_lint/lint

collection: $(VENV)/installed-dev ## Write the Bruno collection in examples/bruno from the schema
	@$(BIN)/python -m tests.bruno_collection

docs: $(VENV)/installed-docs ## Build the pages of docs/ as a site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "Open build/site/index.html"

docs-generate: $(VENV)/installed ## Write the generated pages of docs/ from the code
	@$(BIN)/python -m tests.documentation

# Builds the site for its warnings alone: links, anchors and pages that are missing.
docs-check: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict --site-dir $(abspath $(VENV))/site

migration: $(VENV)/installed ## Write a migration for changed models: make migration NAME=add_colour
	@$(BIN)/python -c 'import json; from models.storage.database import Database as D; print(json.dumps(D("sqlite://:memory:").config))' > $(VENV)/tortoise.json
	@$(BIN)/python -m tortoise --config-file $(VENV)/tortoise.json makemigrations --name $(NAME)

bench: $(VENV)/installed-dev ## Measure beside PostGraphile and others: ARGS="--size 200000" (--help)
	@$(BIN)/python -m benchmarks $(ARGS)

lock: | $(BIN)/pip ## Renew requirements.lock: the newest versions that pyproject.toml allows
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
		--no-header --no-annotate --no-emit-index-url pyproject.toml --output-file $(VENV)/requirements.lock
	mv $(VENV)/requirements.lock requirements.lock

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml requirements.lock | $(BIN)/pip
	@echo "Installing into $(VENV), once, for $$($(BIN)/python -V)"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint requirements.lock --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml requirements.lock | $(BIN)/pip
	@echo "Installing into $(VENV), once, for $$($(BIN)/python -V), with tools for development"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-browser: pyproject.toml requirements.lock | $(BIN)/pip
	@echo "Installing into $(VENV), once, what drives a Chromium in tests"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[browser]'
	@touch $@

$(VENV)/installed-docs: pyproject.toml requirements.lock | $(BIN)/pip
	@echo "Installing into $(VENV), once, what builds the docs"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[docs]'
	@touch $@
