# `make` lists the targets. Everything lives in .venv, which is made on first use and brought up to date when
# requirements.txt, constraints.txt or pyproject.toml change. Another Python: make lab PYTHON=python3.12

PYTHON ?= python3
LABFLAGS ?=
BIN := .venv/bin
LINTED := ppo_lessons tests notebooks website
NEW_ENV = $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, \
$(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12 ...' % sys.version_info[:2])" && $(PYTHON) -m venv
EXTRA = import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
print(*extras["$(1)"], sep="\n")
# A file or a notebook to each worker at a time. In this order the longest come first, notebooks and browser, and nobody
# waits for them at the end. In a browser two workers leave a third of two cores idle: with it there are three.
WORKERS := 2
PYTEST = PYTHONPATH=$(CURDIR)/tests/no_network $(BIN)/python -m pytest -ra -n $(WORKERS) --dist loadscope --no-loadscope-reorder
EVERYTHING = --nbval-lax --nbval-cell-timeout=120 notebooks tests ppo_lessons
# `make check` leaves out pictures, notebooks, widgets, practice, the games of others, updates as a GPU captures them, and
# what starts processes of its own. The longest file begins here, too.
UNCHECKED = tests/test_figures% tests/test_experiments% $(patsubst %,tests/test_%.py,accessible atari benchmarks breakout \
cheatsheet controls distributed frames in_place install lab meta notebooks_elsewhere practice practice_step probes readme)
CHECKED = tests/test_ppo.py $(filter-out $(UNCHECKED) tests/test_ppo.py,$(wildcard tests/test_*.py)) \
$(filter-out ppo_lessons/controls.py ppo_lessons/lab.py,$(wildcard ppo_lessons/*.py)) ppo_lessons/trainer ppo_lessons/envs

.PHONY: help lab check test test-all lint figures bench bench-gpu bench-ui defaults ladder details full-run pong scaling site ten-runs constraints test-newest

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

lab: .venv/installed ## open the course in JupyterLab, on your own copies of the notebooks (folder my/)
	@$(BIN)/python -m ppo_lessons.lab
	JUPYTERLAB_WORKSPACES_DIR=$(CURDIR)/.venv/share/jupyter/lab/workspaces $(BIN)/python -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/my/00_start_here.ipynb $(LABFLAGS)

check: lint ## lint, and the unit tests and doctests of lessons and trainer: under a minute
	$(PYTEST) -q -m "not slow" $(CHECKED)

test: WORKERS := 3
test: lint ## lint, all unit tests and doctests, every notebook, two of them in a browser: 8 minutes
	$(PYTEST) $(EVERYTHING) -m "not slow"

test-all: WORKERS := 3
test-all: lint .site/installed ## the same and the tests marked slow, each picture and page in a browser: 25 minutes
	$(PYTEST) $(EVERYTHING)

lint: .venv/installed-test ## check style and formatting
	$(BIN)/ruff check $(LINTED)
	$(BIN)/ruff format --check $(LINTED)

figures: .venv/installed ## draw the pictures in assets/ anew, and the page to print
	$(BIN)/python -m ppo_lessons.figures

bench: .bench/installed ## time the trainer against its peers, in an environment of their own: about 20 minutes
	.bench/bin/python tests/benchmarks/bench.py

bench-gpu: .bench/installed ## record a run on this machine's GPU; bring a PyTorch (and a JAX) that sees it
	.bench/bin/python tests/benchmarks/gpu.py

bench-ui: .venv/installed-test ## time each picture from a slider's event to new pixels: half an hour
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q -s --timeout=3000 tests/browser/bench_ui.py

ten-runs: .venv/installed-test ## run each notebook ten times in a row, elsewhere and without a network: an hour
	$(BIN)/python tests/ten_runs.py

defaults: .venv/installed ## search for the settings with which every seed learns CartPole in the fewest steps: ten minutes
	$(BIN)/python -m ppo_lessons.experiments.defaults

ladder: .venv/installed ## what each step of the course buys, 13 rungs with 20 seeds: half an hour; may be stopped
	$(BIN)/python -m ppo_lessons.experiments.ladder

details: .venv/installed ## switch each detail of the trainer alone, ten seeds each, on four games: half an hour
	$(BIN)/python -m ppo_lessons.experiments.details

full-run: .venv/installed ## Breakout: search for settings, then five seeds of 10 million steps: an hour and a half; may be stopped
	$(BIN)/python -m ppo_lessons.experiments.full_run

pong: .venv/installed-test ## Pong from pixels, 2 million steps: an hour and a half; may be stopped
	$(BIN)/python -m ppo_lessons.experiments.pong

scaling: .venv/installed ## train with one and with two processes and record the steps per second: minutes
	$(BIN)/python -m ppo_lessons.experiments.scaling

site: .venv/installed .site/installed ## the course as a static site that needs no kernel, build/site: minutes
	$(BIN)/python website/execute.py build/site-source
	.site/bin/python -m sphinx -q -W -c website -d build/site-doctrees build/site-source build/site
	@echo "open build/site/index.html"

constraints: ## pin anew, in constraints.txt, all that requirements.txt and the tests bring along: minutes
	@$(NEW_ENV) --clear build/pins
	grep -v '^-c' requirements.txt > build/pins/requirements.txt
	build/pins/bin/python -m pip install -r build/pins/requirements.txt -e ".[test]"
	build/pins/bin/python -m pip freeze --all --exclude-editable --exclude pip > build/pins/frozen.txt
	(sed -n '/^#/p' constraints.txt; sed 's/+.*//' build/pins/frozen.txt) > build/pins/constraints.txt
	mv build/pins/constraints.txt constraints.txt

# ipykernel keeps its pin: requirements.txt says why.
test-newest: ## the tests of `make test` with the newest version of every package, in an environment of their own
	@$(NEW_ENV) --clear .newest
	(grep -v '^-c' requirements.txt; .newest/bin/python -c '$(call EXTRA,test)') > .newest/pinned.txt
	sed '/^ipykernel/!s/==.*//' .newest/pinned.txt > .newest/requirements.txt
	.newest/bin/python -m pip install -r .newest/requirements.txt
	$(PYTEST) $(EVERYTHING) -m "not slow"
test-newest: BIN := .newest/bin

.venv/installed: requirements.txt constraints.txt pyproject.toml
	@$(NEW_ENV) .venv
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install -r requirements.txt -e ".[test]"
	$(BIN)/python -m pip install --no-deps minatar==1.0.15
	@touch $@

.bench/installed: tests/benchmarks/requirements.txt pyproject.toml
	@$(NEW_ENV) .bench
	.bench/bin/python -m pip install -r tests/benchmarks/requirements.txt -e .
	@touch $@

.site/installed: pyproject.toml
	@$(NEW_ENV) .site
	.site/bin/python -m pip install $$(.site/bin/python -c '$(call EXTRA,site)')
	@touch $@
