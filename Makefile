# Two commands do everything: `make run` and `make test`.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	2>/dev/null && echo $$p && break; done)
TEST_PROCESSES ?= 2
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Kokoro runs on Python up to 3.12, and torch must be chosen first: asked for Kokoro
# alone, pip takes a torch for GPUs, with gigabytes of libraries that a CPU cannot use.
KOKORO_VENV := .venv-kokoro
KOKORO_PYTHON ?= $(shell for p in python3.11 python3.12; do \
	$$p -c 'import venv, ensurepip' 2>/dev/null && echo $$p && break; done)
TORCH ?= torch==2.13.0
KOKORO_EXTRAS ?=

# What images bring: several machines, and the clients of hosted engines.
LIGHT_EXTRAS := --extra postgres --extra celery --extra s3 --extra oidc
API_EXTRAS := --extra openai --extra mistral

# Higgs Audio without a server: the same torch, in an environment of its own.
HIGGS_VENV := .venv-higgs
HIGGS_PYTHON ?= $(shell for p in python3.13 python3.12 python3.11; do \
	$$p -c 'import venv, ensurepip' 2>/dev/null && echo $$p && break; done)
HIGGS_EXTRAS ?= torchaudio

.PHONY: run test setup setup-dev check fix drill bench lock docs clean kokoro test-kokoro \
	higgs test-higgs environment environment-kokoro environment-api

run: setup  ## start everything and print the address
	@$(BIN)/lectern serve

test: setup-dev  ## run the test suite, a file at a time in each of two processes
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

setup: $(VENV)/.installed  ## make .venv from requirements.lock

setup-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Lectern needs Python 3.11, 3.12 or 3.13 with the venv module. Install one, or say where it is: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Lectern (about 1.3 GB, one or two minutes the first time)"
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

kokoro:  ## install the Kokoro voice engine beside Lectern, in .venv-kokoro
	@test -n "$(KOKORO_PYTHON)" || { echo "Kokoro needs Python 3.11 or 3.12 with the venv module. Install one, or say where it is: make kokoro KOKORO_PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(KOKORO_VENV)/bin/python || $(KOKORO_PYTHON) -m venv $(KOKORO_VENV)
	@echo "Installing Kokoro (about 1.5 GB, a minute or two the first time)"
	@$(KOKORO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(KOKORO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'kokoro>=0.9.4,<0.10' $(KOKORO_EXTRAS)
	@echo "Now name its model: LECTERN_KOKORO__MODEL. See docs/engines.md"

# An environment is the interpreter of a code location: all of Lectern, and an extra.
environment:  ## install an environment of its own: make environment NAME=kokoro (or api)
	@case "$(NAME)" in kokoro|api) ;; *) echo "Name one: make environment NAME=kokoro, or NAME=api. See docs/environments.md"; exit 1;; esac
	@$(MAKE) --no-print-directory environment-$(NAME)
	@.venv-$(NAME)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@echo "Lectern serves it from its next start on. See docs/environments.md"

environment-kokoro: kokoro
	@.venv-kokoro/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/light.lock

environment-api: | $(VENV)/bin/python
	@test -x .venv-api/bin/python || $(BIN)/python -m venv .venv-api
	@echo "Installing Lectern and the clients of hosted engines (about 1.3 GB)"
	@.venv-api/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/api.lock

test-kokoro: setup-dev  ## run the tests of Kokoro, with random weights
	@$(BIN)/python -m pytest -m kokoro $(ARGS)

higgs:  ## install what runs Higgs Audio without a server, in .venv-higgs
	@test -n "$(HIGGS_PYTHON)" || { echo "Higgs Audio needs Python 3.11 or newer with the venv module. Install one, or say where it is: make higgs HIGGS_PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(HIGGS_VENV)/bin/python || $(HIGGS_PYTHON) -m venv $(HIGGS_VENV)
	@echo "Installing what runs Higgs Audio (about 1.3 GB, a minute or two the first time)"
	@$(HIGGS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(HIGGS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'transformers>=5.5,<6' jinja2 $(HIGGS_EXTRAS)
	@echo "Now name it and its model: LECTERN_HIGGS__PYTHON, LECTERN_HIGGS__FOLDER. See docs/engines.md"

test-higgs: higgs setup-dev  ## run the tests of Higgs Audio, with random weights too
	@TEST_HIGGS_PYTHON=$(CURDIR)/$(HIGGS_VENV)/bin/python $(BIN)/python -m pytest tests/resources/test_higgs.py $(ARGS)

check: setup-dev  ## format, lint, types, import contracts, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/make_pages.py --check

fix: setup-dev  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

drill: setup-dev  ## slow fault drills
	$(BIN)/python -m pytest -m drill --timeout 1800 $(ARGS)

bench: setup-dev  ## every benchmark, medians and ratios
	@for bench in bench/[a-z]*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

docs: setup-dev  ## make the generated pages again
	$(BIN)/python docs/make_pages.py

lock: ## pin every dependency again (needs uv)
	uv pip compile --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -q pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -q --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -q $(LIGHT_EXTRAS) -c requirements-dev.lock pyproject.toml -o deploy/light.lock
	uv pip compile --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -q $(LIGHT_EXTRAS) $(API_EXTRAS) -c requirements-dev.lock pyproject.toml -o deploy/api.lock

clean:
	rm -rf $(VENV) $(KOKORO_VENV) $(HIGGS_VENV) .venv-api .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
