# Two commands matter: `make demo` and `make test`. Both start from a bare checkout and install what they need into .venv.
# Everything installed is locked with hashes, so neither pip's local configuration nor the day of the week has a say.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
# Compiled wheels only: a platform without one gets a line, not a compiler's output ten minutes later. nkeys, which
# has no wheel, is one file of Python; it is built with the locked build tools, not with whatever pip would fetch.
INSTALL := $(PIP) install --require-hashes --no-build-isolation --only-binary :all: --no-binary nkeys
# Resolves for every Python and platform that we support, from the public index alone: no local configuration, no local files.
COMPILE := env -u UV_INDEX -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS $(BIN)/uv --no-config \
  pip compile --group build --universal --python-version 3.11 --fork-strategy fewest --upgrade --quiet \
  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_USER PIP_ROOT

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: demo test lint bench prove readme schemas lock clean help

demo: $(VENV)/.base ## Play real ticks through every service, show what is decided, print the replay hash
	@$(BIN)/penstock demo

test: $(VENV)/.dev ## Run the whole test suite against a real embedded broker
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Check style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.dev ## Measure every speed that we promise, each beside its reference
	@$(BIN)/penstock bench

prove: $(VENV)/.base ## Try to break every promise, size S
	@$(BIN)/penstock prove replay --size S
	@$(BIN)/penstock prove stream-equals-batch --size S
	@$(BIN)/penstock prove gate --size S
	@$(BIN)/penstock prove kill --size S
	@$(BIN)/penstock prove unsayable --size S

readme: $(VENV)/.base ## Put a real demo's output into the README
	@env -u PENSTOCK_HOME $(BIN)/penstock demo > .demo.txt && $(BIN)/python -m ops.readme .demo.txt README.md; status=$$?; rm -f .demo.txt; exit $$status

schemas: $(VENV)/.base ## Write contracts/schemas from the structs
	@$(BIN)/python -m contracts.schemas

lock: $(VENV)/.dev ## Resolve the dependencies anew and lock them with hashes
	@$(COMPILE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --output-file requirements-build.lock --constraint requirements.lock
	@$(COMPILE) --output-file requirements-dev.lock --constraint requirements.lock --extra dev pyproject.toml

clean: ## Remove the environment and every cache; recorded runs under ~/.penstock stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/' | expand -t 16

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "penstock needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.base: requirements-build.lock requirements.lock pyproject.toml $(VENV)/.python
	@echo "installing into $(VENV) (about half a minute, once)" >&2
	@$(INSTALL) -r requirements-build.lock && $(INSTALL) -r requirements.lock || { \
	  echo "no wheel fits, or the package index was not reached: penstock needs Linux (glibc 2.28 or newer), x86-64 or arm64, Python 3.11 to 3.13" >&2; exit 1; }
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.base
	@$(INSTALL) -r requirements-dev.lock
	@touch $@
