# What a person runs here. `make` alone lists the targets.
#
# `demo` and `test` make their own .venv: they need python3 (3.11 or newer) and make, nothing else. The stamp file stands
# for "everything pinned is installed": while it is newer than the pins, no target calls pip, so all of them work
# with no network at all.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.stamp
FUZZ_STAMP := .venv/.fuzz-stamp
PINS := requirements/dev.txt requirements/demo.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check faults fuzz bench bench-peers clean lock
.DELETE_ON_ERROR:

help:  ## List the targets
	@echo 'Tobari: compute together on data that none of the parties may show.'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

demo: $(STAMP)  ## Watch a joint computation on real data that nobody else can see
	@$(BIN)/tobari demo $(ARGS)

test: $(STAMP)  ## Run the tests; ARGS go to pytest
	@$(BIN)/pytest -n 2 $(ARGS)

check: $(STAMP)  ## Lint, types, the walls between the zones, and the documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/test_docs.py tests/test_house.py

faults: $(STAMP)  ## Kill, tear and watch a service for some ten minutes; writes docs/reference/faults.md
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(FUZZ_STAMP)  ## Fuzz every decoder, the session and a running node for some twenty minutes; ARGS='--seconds 600 cbor'
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(STAMP)  ## Measure, on this machine
	@$(BIN)/python -m bench $(ARGS)

bench-peers: bench/.peers/merkle/.stamp  ## Install what `make bench` compares with, each in its own environment

bench/.peers/%/.stamp: bench/peers/%.txt
	@$(PYTHON) -m venv bench/.peers/$*
	@bench/.peers/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

clean:  ## Remove what the other targets made
	rm -rf .venv bench/.peers build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Maintainers only: needs uv (https://docs.astral.sh/uv). The result holds for every supported Python on Linux.
UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'

lock:  ## Pin every dependency anew, by hash (maintainers; needs uv)
	$(UV_COMPILE) --upgrade --extra all --output-file requirements/dev.txt pyproject.toml requirements/dev.in
	$(UV_COMPILE) --upgrade --no-deps --output-file requirements/demo.txt requirements/demo.in
	$(UV_COMPILE) --upgrade --no-deps --output-file requirements/fuzz.txt requirements/fuzz.in

$(STAMP): pyproject.toml $(PINS)
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo 'Tobari needs Python 3.11 or newer, and there is no $(PYTHON) here: install it, or name another, as in: make PYTHON=python3.12 demo' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Tobari needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1 | head -n 1): install a newer one, or name it, as in: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo 'Tobari makes a virtual environment, and this $(PYTHON) lacks the venv or ensurepip module: install it (on Debian and Ubuntu: apt install python3-venv)' >&2; exit 1; }
	@echo 'Setting up .venv (once, a minute or so) ...'
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: $(addprefix -r ,$(PINS))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --editable .
	@touch $@

$(FUZZ_STAMP): $(STAMP) requirements/fuzz.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r requirements/fuzz.txt || { \
	  echo 'atheris comes for x86_64 Linux and Python 3.11 to 3.13 only; make test replays the kept inputs everywhere' >&2; exit 1; }
	@touch $@
