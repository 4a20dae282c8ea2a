# `make` lists the targets. Everything lives in .venv, which is made on first use and brought up to date when
# requirements.txt or pyproject.toml change. Another Python: make lab PYTHON=python3.12

PYTHON ?= python3
LABFLAGS ?=
BIN := .venv/bin
LINTED := ppo_lessons tests notebooks website
NEW_ENV = $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, \
$(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12 ...' % sys.version_info[:2])" && $(PYTHON) -m venv
COPY_NEW = import os, shutil; shutil.copytree("notebooks", "my", dirs_exist_ok=True, \
ignore=shutil.ignore_patterns(".*"), copy_function=lambda a, b: os.path.exists(b) or shutil.copy(a, b))
SITE_EXTRA = import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
print(*extras["site"])
PYTEST = PYTHONPATH=$(CURDIR)/tests/no_network $(BIN)/python -m pytest -ra --nbval-lax --nbval-cell-timeout=120 -n 2 --dist loadscope tests ppo_lessons notebooks

.PHONY: help lab test test-all lint figures bench bench-gpu bench-ui ladder scaling site ten-runs

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

lab: .venv/installed ## open the course in JupyterLab, on your own copies of the notebooks (folder my/)
	@$(BIN)/python -c '$(COPY_NEW)'
	$(BIN)/python -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/my/00_start_here.ipynb $(LABFLAGS)

test: lint ## lint, unit tests, doctests, browser tests and every notebook: minutes
	$(PYTEST) -m "not slow"

test-all: lint .site/installed ## the same and the tests marked slow: under 40 minutes
	$(PYTEST)

lint: .venv/installed-test ## check style and formatting
	$(BIN)/ruff check $(LINTED)
	$(BIN)/ruff format --check $(LINTED)

figures: .venv/installed ## draw the pictures in assets/ anew, and the page to print
	$(BIN)/python -m ppo_lessons.figures

bench: .bench/installed ## time the trainer against its peers, in an environment of their own: about 20 minutes
	.bench/bin/python tests/benchmarks/bench.py

bench-gpu: .bench/installed ## record a run on this machine's GPU; bring a PyTorch (and a JAX) that sees it
	.bench/bin/python tests/benchmarks/gpu.py

bench-ui: .venv/installed-test ## time each picture from a slider's event to new pixels: about 15 minutes
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q -s --timeout=3000 tests/browser/bench_ui.py

ten-runs: .venv/installed-test ## run each notebook ten times in a row, elsewhere and without a network: an hour
	$(BIN)/python tests/ten_runs.py

ladder: .venv/installed ## train all ten algorithms with ten seeds and record what came out: about ten minutes
	$(BIN)/python -m ppo_lessons.experiments.ladder

scaling: .venv/installed ## train with one and with two processes and record the steps per second: minutes
	$(BIN)/python -m ppo_lessons.experiments.scaling

site: .venv/installed .site/installed ## the course as a static site that needs no kernel, build/site: minutes
	$(BIN)/python website/execute.py build/site-source
	.site/bin/python -m sphinx -q -W -c website -d build/site-doctrees build/site-source build/site
	@echo "open build/site/index.html"

.venv/installed: requirements.txt pyproject.toml
	@$(NEW_ENV) .venv
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install -r requirements.txt -e ".[test]"
	@touch $@

.bench/installed: tests/benchmarks/requirements.txt pyproject.toml
	@$(NEW_ENV) .bench
	.bench/bin/python -m pip install -r tests/benchmarks/requirements.txt -e .
	@touch $@

.site/installed: pyproject.toml
	@$(NEW_ENV) .site
	.site/bin/python -m pip install $$(.site/bin/python -c '$(SITE_EXTRA)')
	@touch $@
