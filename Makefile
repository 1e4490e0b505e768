# Every target works on a fresh clone with Python >= 3.11 alone: it makes .venv first.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test fast check bench chaos nightly lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo          the whole journey on this machine (CHECK=1: unattended)"
	@echo "make test          every test"
	@echo "make fast          the quick tests, which start a PostgreSQL at most"
	@echo "make check         format, lint, types, import contracts, dead code"
	@echo "make bench         figures, side by side with peers"
	@echo "make nightly       every test at length, then chaos"
	@echo "make chaos         every fault, round after round (CHAOS_MINUTES=20)"
	@echo "make lock          pins every dependency anew (constraints.txt)"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Usher needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11 …"; exit 1; }
	@echo "Making .venv with Usher and all it is tested with …"
	@$(PYTHON) -m venv .venv || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: setup
	@$(BIN)/usher demo $(if $(CHECK),--check) $(if $(SHOTS),--shots $(SHOTS))

test: setup
	@$(BIN)/python -m pytest

fast: setup
	@$(BIN)/python -m pytest tests/unit tests/contract tests/scim tests/house

check: setup
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/vulture

bench: setup
	@$(BIN)/python -m tests.bench

# CHAOS_MINUTES, CHAOS_DATABASES, CHAOS_SEED, CHAOS_ONLY: tests/faults/__main__.py says what they do.
chaos: setup
	@$(BIN)/python -m tests.faults

nightly: setup
	@USHER_TEST_LOG_SECONDS=60 USHER_TEST_FUZZ_SECONDS=600 $(BIN)/python -m pytest
	@$(BIN)/python -m tests.faults

lock:
	@$(BIN)/uv pip compile pyproject.toml build-requirements.in --all-extras --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--quiet --output-file constraints.txt

clean:
	rm -rf .venv build dist *.egg-info
