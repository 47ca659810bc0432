# The same words on a laptop and in CI. Everything runs from a fresh clone, as root or not, without Docker.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough; another one: make PYTHON=/path/to/python setup
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# uv reads its own settings, not pip's: where only pip has been told of an index, uv is told of the same one.
PIP_INDEX = $$($(BIN)/python -m pip config get global.index-url 2>/dev/null)
UV_PIP = index="$${UV_DEFAULT_INDEX:-$(PIP_INDEX)}"; [ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	  $(BIN)/uv --quiet pip
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock"
# Everything that needs no server first; then what runs on the real ones, a process for each part: tests kill brokers
# under clients of many kinds, and librdkafka has aborted a process that held the clients of all parts at once.
QUICK := $(filter-out tests/faults/ tests/integration/ tests/support/ tests/tidy/ tests/__pycache__/,$(wildcard tests/*/))
# The longest first, so that no lane is empty while the other has them all.
LONGEST := tests/integration/stack/ tests/integration/gateway/ tests/integration/demo/
SERVERS := $(LONGEST) $(filter-out $(LONGEST) tests/integration/__pycache__/,$(wildcard tests/integration/*/)) tests/faults/
# What a released schema is held against: the branch that others have, else the last commit, else nothing.
AGAINST ?= $(shell git rev-parse --quiet --verify origin/main 2>/dev/null || git rev-parse --quiet --verify HEAD 2>/dev/null)
TESTS ?=
FAULTS ?=
UP ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.runtime $(VENV)/.editable ## Create .venv, fetch Kafka and Postgres (each step once)
	@$(BIN)/python -m compileall -q schemas processors projections gateway
	@$(BIN)/python -m gateway.local.setup

.PHONY: demo
demo: prerequisites setup ## Start everything and play the story (UP=--separate for a process each)
	@$(BIN)/mandate up $(UP)
	@$(BIN)/mandate demo

.PHONY: up
up: prerequisites setup ## Start the local stack in the background
	@$(BIN)/mandate up $(UP)

.PHONY: down
down: ## Stop the local stack; its data stay
	@if [ -x $(BIN)/mandate ]; then $(BIN)/mandate down; else echo "nothing is set up here" >&2; fi

.PHONY: check
check: $(VENV)/.dev $(VENV)/.editable ## Format, lint, types, floors, schemas, tidiness
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/mandate schemas check $(if $(AGAINST),--against $(AGAINST))
	@if [ -d tests/tidy ]; then $(BIN)/python -m pytest -q tests/tidy; fi

.PHONY: format
format: $(VENV)/.dev ## Write every file in the house's format
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

.PHONY: test
test: prerequisites $(VENV)/.dev setup browser ## All tests, the quick ones first (TESTS=tests/unit for a part)
	@if [ -n "$(TESTS)" ]; then exec $(BIN)/python -m pytest -q $(TESTS); fi; status=0; \
	echo "== $(QUICK)"; $(BIN)/python -m pytest -q -n auto --dist worksteal $(QUICK) || status=1; \
	$(BIN)/python -m tests.support.parts $(SERVERS) || status=1; exit $$status

.PHONY: bench
bench: prerequisites $(VENV)/.dev setup ## Measure everything beside its peers, into bench/RESULTS.* (ONLY=peers,restore for parts)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

.PHONY: differential
differential: prerequisites $(VENV)/.dev setup ## The log in memory beside a real broker, on random schedules (SCHEDULES=200 FIRST=1)
	@MANDATE_SCHEDULES=$(or $(SCHEDULES),200) MANDATE_FIRST_SCHEDULE=$(or $(FIRST),1) \
	  $(BIN)/python -m pytest -q tests/integration/host/test_differential.py

.PHONY: fuzz
fuzz: $(VENV)/.fuzz $(VENV)/.editable ## Coverage-guided fuzzing of head, codec and the door's bodies (SECONDS=60 in all)
	@$(BIN)/python -m tests.support.fuzzing --seconds $(or $(SECONDS),60)

.PHONY: simulate
simulate: $(VENV)/.dev $(VENV)/.editable ## Play seeded worlds with faults (SEEDS=2000 FIRST=0 SIZE=small|large)
	@$(BIN)/python -m tests.simulation --first-seed $(or $(FIRST),0) --seeds $(or $(SEEDS),2000) --size $(or $(SIZE),small)

.PHONY: faults
faults: prerequisites $(VENV)/.dev setup ## Do faults to a real stack; bench/FAULTS.* (FAULTS="kill-dedup point-" for some)
	@$(BIN)/python -m tests.faults $(FAULTS)

.PHONY: mutants
mutants: $(VENV)/.dev $(VENV)/.editable ## Put mistakes into the program, one at a time; the simulation must see each
	@$(BIN)/python -m tests.simulation --mutants --seeds $(or $(SEEDS),200)

.PHONY: states
states: $(VENV)/.editable ## Draw the states of an incident into docs/states.md, from their table
	@$(BIN)/python -c 'from processors.incidents import drawing; print(drawing.page(), end="")' > docs/states.md

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the requirement files anew, within the bounds of pyproject.toml
	@cd requirements && ../$(BIN)/$(LOCK) bootstrap.in --output-file bootstrap.txt
	@$(BIN)/$(LOCK) pyproject.toml --extra local --output-file requirements/runtime.txt
	@$(BIN)/$(LOCK) pyproject.toml --extra local --extra dev --output-file requirements/dev.txt
	@$(BIN)/$(LOCK) pyproject.toml --extra local --extra fuzz --output-file requirements/fuzz.txt
	@for peer in quix faust; do $(BIN)/$(LOCK) bench/peers/$$peer.in --output-file bench/peers/$$peer.txt; done

.PHONY: clean
clean: down ## Stop the stack; delete its data, .venv and every cache
	@rm -rf $(VENV) .mandate .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: prerequisites
prerequisites: ## Say what this machine lacks, with the line that installs it
	@command -v python3 >/dev/null || { echo "missing: Python 3.11: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(or $(PYTHON),python3) -m gateway.local.prerequisites

.PHONY: browser
browser:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing Chromium for the browser tests …" >&2; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
	    || echo "Chromium could not be installed: the browser tests will be skipped" >&2; \
	else echo "no Chromium: the browser tests will be skipped (apt-get install chromium)" >&2; fi

$(BIN)/uv: requirements/bootstrap.txt
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# The development set holds the runtime set: whoever has it needs no second installation, but its own brought up to date.
$(VENV)/.runtime: requirements/runtime.txt $(BIN)/uv
	@if [ -e $(VENV)/.dev ]; then $(MAKE) $(VENV)/.dev; \
	  else $(UV_PIP) install --require-hashes -r requirements/runtime.txt; fi
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(BIN)/uv
	@$(UV_PIP) install --require-hashes -r requirements/dev.txt
	@touch $@ $(VENV)/.runtime

# Beside the development set, whose hypothesis and fixtures the targets import nothing of.
$(VENV)/.fuzz: requirements/fuzz.txt $(BIN)/uv
	@$(UV_PIP) install --require-hashes -r requirements/fuzz.txt
	@touch $@

# The checkout itself, editable: one .pth file. Its build backend came with uv, hashed like all else.
$(VENV)/.editable: pyproject.toml $(VENV)/.runtime
	@$(UV_PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
