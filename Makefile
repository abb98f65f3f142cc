# Everything a person or CI does here is one word: make run, make test, make check …
# Works with GNU make 3.81 (macOS) and newer. Stamp files in .venv make a second call instant.

PYTHON ?= python3
PORT   ?= 8501
ARGS   ?=
JOBS   ?= 3
VENV   := .venv
PEERS  := .venv-peers
AUDIT  := .venv-audit
PY     := $(VENV)/bin/python
PYTEST  = $(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all test-slow mutants peers check fix shots gallery bench soak hostile audit ranges \
	weights chromium clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.app  ## create .venv and install what the app needs

run: setup  ## start the app on http://localhost:8501
	@echo "Blindspot: http://localhost:$(PORT)  (Ctrl+C stops it)"
	@$(PY) -m streamlit run app.py --server.port $(PORT)

test: $(VENV)/.dev chromium  ## engine, pages in process and one browser journey
	$(PYTEST) -m "not slow and not gpu and not peer and not thorough or journey" $(ARGS)

test-all: $(VENV)/.dev chromium  ## what CI runs: every test that is not slow, gpu or peer
	$(PYTEST) -m "not slow and not gpu and not peer" $(ARGS)

test-slow: $(VENV)/.dev chromium  ## effects over several seeds; writes docs/measured.md
	$(PY) -m pytest -m "slow and not gpu and not peer" --timeout 3600 $(ARGS)

mutants: $(VENV)/.dev  ## mistakes put into the engine that tests must notice; writes docs/measured.md
	$(PY) -m tests.mutants --record $(ARGS)

peers: $(PEERS)/.peers  ## comparisons with outside libraries, in an environment of their own
	$(PEERS)/bin/python -m pytest -m peer $(ARGS)

check: $(VENV)/.dev  ## lint, format, names, revisions of shipped methods, types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m tests.names
	$(PY) -m engine gallery --check
	$(PY) -m mypy

fix: $(VENV)/.dev  ## let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

shots: $(VENV)/.dev chromium  ## a picture of every view in shots/: light, dark, narrow; ARGS=docs renews those in docs/
	$(PY) -m tests.browser.shots $(ARGS)

gallery: $(VENV)/.app  ## compute the answers that ship with the samples
	$(PY) -m engine gallery $(ARGS)

bench: $(PEERS)/.peers  ## ratios against the forward pass and against peers
	$(PEERS)/bin/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev  ## 50 visitors, kill -9, a full disk, damage; about 12 minutes; ARGS=--record adds to docs/reliability.md
	$(PY) -m benchmarks.soak $(ARGS)

hostile: $(VENV)/.dev  ## other projects' test files and 20,900 mutants of them and of ours; 30 to 90 minutes, resumes; ARGS=--record
	$(PY) -m tests.hostile $(ARGS)

audit: $(VENV)/.app  ## known weaknesses of what is installed, asked of PyPI; licenses into docs/licenses.md
	$(PY) -m tests.licenses
	$(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/pip install -q pip-audit
	$(AUDIT)/bin/pip-audit --strict --path $$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

ranges: $(VENV)/.dev  ## requirements.txt at its lowest and newest versions, in environments of their own (6 GB each)
	$(PY) -m tests.ranges lowest .venv-lowest
	$(PY) -m tests.ranges newest .venv-newest

weights: $(VENV)/.app  ## retrain an embedded checkpoint: make weights NAME=…
	$(PY) -m engine weights $(NAME)

chromium: $(VENV)/.dev
	@$(PY) -m tests.browser.chromium

clean:  ## remove environments, caches and pictures
	rm -rf $(VENV) $(PEERS) $(AUDIT) .venv-lowest .venv-newest shots .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- environments ------------------------------------------------------------------------------

define make_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Blindspot needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1)
@echo "Installing into $(1) (some minutes the first time)"
endef

$(VENV)/.app: requirements.txt
	$(call make_venv,$(VENV))
	$(PY) -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(PY) -m pip install -q -r requirements-dev.txt
	@touch $@

$(PEERS)/.peers: requirements-peers.txt requirements-dev.txt requirements.txt
	$(call make_venv,$(PEERS))
	$(PEERS)/bin/python -m pip install -q -r requirements-peers.txt
	@touch $@
