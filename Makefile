# Set-up and everyday commands. They install into .venv (make lowest: .venv-lowest).
# Another interpreter: make demo PYTHON=python3.12 (3.11 to 3.13).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

# No usage statistics are sent to Ray or the Hub.
export RAY_USAGE_STATS_ENABLED := 0
export HF_HUB_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DELETE_ON_ERROR:
.PHONY: help demo encoder test quick faults cluster lowest lint clean

help:
	@echo "make demo    set up, run the demo sweep, write its report to runs/demo: some four minutes on two cores"
	@echo "make encoder pretrain the demo's encoder again, in fp32"
	@echo "make test    set up, run all tests but those of make faults: at most 15 minutes on two cores"
	@echo "make quick   the tests that take less than a second each: some three minutes on two cores"
	@echo "make faults  tests that kill, stop or starve whole sweeps: at most 20 minutes"
	@echo "make cluster tests on several nodes; those with Slurm or SSH need root and the Debian packages of docs/cluster.md"
	@echo "make lowest  the same tests with the lowest versions that pyproject.toml promises (Python 3.11)"
	@echo "make lint    ruff (lint, format), codespell and mypy"
	@echo "make clean   remove .venv, .venv-lowest and caches; runs/ stays"

demo: $(VENV)/.run
	$(BIN)/sweeper run demo --out runs/demo
	$(BIN)/sweeper report runs/demo
	@echo
	@echo "Commands to try next:"
	@echo "  $(BIN)/sweeper status runs/demo                      progress of the run: trials, searches, failures"
	@echo "  $(BIN)/sweeper report runs/demo --against rewrites   gains over another recipe than the baseline"
	@echo "  $(BIN)/sweeper plan text_small                       trainings and tokens of a sweep on real text"
	@echo "  $(BIN)/sweeper run my_space.py                       a space of your own: see docs/guide.md"

encoder: $(VENV)/.run
	$(BIN)/sweeper run demo_encoder --out runs/demo_encoder
	$(BIN)/python -m sweeper.world.ship runs/demo_encoder

# The tests generate their data, so a request to the Hub is a bug and must fail.
test quick faults cluster lowest: export HF_HUB_OFFLINE := 1

# Two processes, each with the tests of whole files. Their trainings must not compete for threads.
test quick faults cluster: export OMP_NUM_THREADS := 1
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

test: $(VENV)/.dev
	$(PYTEST) -m "not faults and not cluster"

quick: $(VENV)/.dev
	$(PYTEST) -m "not slow and not seconds and not mirror"

# SAMPLE=K/N runs every N-th of the tests of faults or clusters, starting with test K.
faults: $(VENV)/.dev
	$(PYTEST) -m faults $(if $(SAMPLE),--sample $(SAMPLE))

cluster: $(VENV)/.dev
	$(BIN)/python -m pytest -m cluster $(if $(SAMPLE),--sample $(SAMPLE))

# Old releases use functions that newer packages below them deprecate, so warnings are no errors here.
lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -W default -m "not slow and not mirror"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(LOWEST) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp files below are written last, so an interrupted set-up is repeated.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, got $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The pip of Debian is older than 25.1, the first with dependency groups, so the pinned version replaces it.
$(VENV)/.pip: constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.run: pyproject.toml constraints.txt $(VENV)/.pip
	@echo "Installing into $(VENV): a minute or two, most of it torch."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@

# The oldest supported Python, because the lowest versions have no wheels for newer ones.
$(LOWEST)/.installed: pyproject.toml constraints.txt tools/lowest.py
	python3.11 -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(LOWEST)/bin/python tools/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt \
		--editable '.[s3,faiss,marian,cluster]' pytest pytest-timeout hypothesis statsmodels 'moto[server]'
	@touch $@
