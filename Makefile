# Every target does its own set-up. A fresh machine needs Python 3.11 or newer with pip, and make; nothing else.
# PYTHON=python3.12 make demo   takes another interpreter.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
EXAMPLE := example_project
N       ?= 1000
DATA    := $(EXAMPLE)/data/.complete
KPI     := marts/carrier_scorecard:on_time_share
CODE    := assets_core lineage materializers headwater tests benchmarks $(wildcard docs/*.py) example_project

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test faults lint format bench peers soundness matrix docs lock clean

help:  ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

# --- set-up: each step leaves a stamp and is not repeated until what it depends on changes ---

$(VENV)/.made:
	@echo "set-up: virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.lock pyproject.toml
	@echo "set-up: libraries of requirements.lock, then headwater itself (editable)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "set-up: tools of requirements-dev.lock"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(DATA): $(VENV)/.installed $(EXAMPLE)/get_data.py
	@echo "data: flights of 2013 into $(EXAMPLE)/data"
	@$(BIN)/python $(EXAMPLE)/get_data.py
	@touch $@

# --- what people run ---

demo: $(VENV)/.installed $(DATA)  ## materialize the example, then ask where one number came from
	@echo "demo: headwater materialize (all of $(EXAMPLE))"
	@$(BIN)/headwater -C $(EXAMPLE) materialize
	@echo "demo: headwater lineage $(KPI) --up"
	@$(BIN)/headwater -C $(EXAMPLE) lineage $(KPI) --up
	@echo "demo: headwater audit manifest $(firstword $(subst :, ,$(KPI)))"
	@$(BIN)/headwater -C $(EXAMPLE) audit manifest $(firstword $(subst :, ,$(KPI)))

test: $(VENV)/.installed-dev $(DATA)  ## all tests; ARGS="tests/lineage -x" for some
	@echo "test: pytest $(ARGS)"
	@$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

faults: $(VENV)/.installed-dev  ## the whole fault suite: every crash point, 200 kills and 50 of a backfill, a minute of eight writers
	@echo "faults: pytest tests/faults $(ARGS)"
	@HEADWATER_FAULTS=all $(BIN)/pytest tests/faults $(ARGS)

lint: $(VENV)/.installed-dev  ## ruff, mypy --strict, the import contracts; all are run, whichever fails
	@failed=; \
	for step in "ruff check $(CODE)" "ruff format --check $(CODE)" mypy lint-imports; do \
	  echo "lint: $${step%% $(firstword $(CODE))*}"; $(BIN)/$$step || failed="$$failed $${step%% *}"; \
	done; \
	if [ -n "$$failed" ]; then echo "lint: failed:$$failed"; exit 1; fi

format: $(VENV)/.installed-dev  ## rewrite the code the way lint wants it
	@$(BIN)/ruff check --fix-only --quiet $(CODE)
	@$(BIN)/ruff format $(CODE)

bench: $(VENV)/.installed-dev  ## cost per asset against a loop without orchestrator
	@echo "bench: benchmarks/overhead.py $(ARGS)"
	@$(BIN)/python benchmarks/overhead.py $(ARGS)

peers: $(VENV)/.installed-dev  ## the same workload through Dagster, SQLMesh, dbt, Hamilton and doit, each in a venv of its own
	@echo "peers: python -m benchmarks.peers --json docs/performance.json $(ARGS)"
	@$(BIN)/python -m benchmarks.peers --json docs/performance.json $(ARGS)
	@$(BIN)/python -m docs.performance

soundness: $(VENV)/.installed-dev  ## the long search for what lineage or staleness misses; N=5000 for more
	@echo "soundness: $(N) random polars plans"
	@$(BIN)/python -m tests.soundness.polars_run $(N)
	@echo "soundness: $(N) random queries, TPC-H, TPC-DS, mutated statements"
	@$(BIN)/python -m tests.soundness.sql_run $(N)
	@echo "soundness: direct edges of TPC-H and TPC-DS, each tried"
	@$(BIN)/python -m tests.soundness.sql_overclaims
	@echo "soundness: random histories of projects"
	@HEADWATER_SEQUENCES=$(N) $(BIN)/pytest tests/soundness/test_history_machine.py tests/soundness/test_history_mutants.py

matrix: $(VENV)/.installed-dev  ## what depends on polars, on the oldest and the newest release that pyproject.toml admits
	@$(BIN)/python -m tests.matrix

docs: $(VENV)/.installed  ## rewrite the parts of docs/ that are made from the code
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m docs.polars_coverage
	@$(BIN)/python -m docs.performance

lock: $(VENV)/.installed-dev  ## resolve the two lock files anew (needs uv)
	@for target in "requirements.lock --group build" "requirements-dev.lock --group dev --constraints requirements.lock"; do \
	  set -- $$target; file=$$1; shift; echo "lock: $$file"; \
	  uv pip compile pyproject.toml --extra example "$$@" --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --upgrade --output-file $$file || exit 1; \
	done

clean:  ## everything that make and headwater made here
	@rm -rf $(VENV) .matrix .peers $(EXAMPLE)/data $(EXAMPLE)/.headwater .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: done"
