# Yingda 应答. `make up` runs it, `make test` proves it, `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help up install install-dev test quick check format train bench lock clean

# Where Python may not keep compiled modules, every start of Rasa takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
LOCK := pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)$$/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

up: install ## install and start everything; Ctrl-C stops it
	@.venv/bin/yingda up

install: ## install what the product needs into .venv
	@scripts/install

install-dev: ## install also what tests and checks need
	@scripts/install dev

test: install-dev ## prove the product: every test, a quarter of an hour on two cores
	@scripts/test

quick: install-dev ## the quick tests only, about a minute on two cores
	@$(PYTHON) -m pytest

check: install-dev ## format, lint, strict types, import rules
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache

format: install-dev ## put the code into its form
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

train: install ## train the bot if its configuration or examples have changed
	@.venv/bin/yingda train

bench: install-dev ## measure turns, memory and start against stock Rasa
	@$(PYTHON) -m benchmarks.turns

lock: install-dev ## resolve the dependencies of pyproject.toml anew
	scripts/uv $(LOCK) pyproject.toml -o requirements.lock
	scripts/uv $(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean: ## remove what was installed and made; var/ with its data stays
	rm -rf .venv .venv-bootstrap *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .rasa build
	find bot actions tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
