SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: demo up down test check bench fmt setup clean help

# The environment that everything runs in; KADR_PYTHON names the interpreter to make it with.
KADR_VENV ?= .venv
export KADR_VENV KADR_PYTHON

KADR := $(KADR_VENV)/bin/kadr

demo: ## index the sample clips, search them, and leave the stack running
	@scripts/setup.sh local
	@$(KADR) demo

up: ## start the local stack
	@scripts/setup.sh local
	@$(KADR) up

down: ## stop the local stack; what was indexed stays
	@if [ -x $(KADR) ]; then $(KADR) down; else echo "Nothing to stop: $(KADR_VENV) does not exist."; fi

test: ## everything that is checked before a change is merged: style, types, import law, all tests
	@scripts/setup.sh dev
	@scripts/check.sh

check: ## the part of it that takes seconds: style, types, import law, unit tests
	@scripts/setup.sh dev
	@scripts/check.sh --quick

bench: ## measure search, indexing and the extractors
	@scripts/setup.sh dev
	@$(KADR_VENV)/bin/python -m bench

fmt: ## format the code and repair what can be repaired
	@scripts/setup.sh dev
	@$(KADR_VENV)/bin/ruff check --fix --quiet . || true
	@$(KADR_VENV)/bin/ruff format .

setup: ## prepare the environment for development, and nothing else
	@scripts/setup.sh dev

clean: down ## stop the stack and remove .venv, caches, and everything that was indexed here (.kadr)
	rm -rf $(KADR_VENV) .kadr .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this text
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
