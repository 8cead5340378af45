# make demo    set up, boot the virtual board, enter the bootloader, show the proof
# make test    lint, types and the tests (what CI runs)
# make test-all   more of the same: every board, every line of every family's script
# make mutation which state misses which line of the board's script
# make measure figures: instructions, with interrupts masked too, heap, flash
# make setup   only install what the others need

BOARD ?= NUCLEO_F429ZI
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests that talk to a virtual board in real time wait for it: four of them keep two cores busy.
JOBS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) \* 2)
# A module is the work of one process: what its tests share is made once. test-all has modules that
# take too long for one.
DIST := $(if $(THOROUGH),worksteal,loadfile --no-loadscope-reorder)
STAMP := $(VENV)/.ready
# Lint is not repeated while nothing has changed that it reads.
LINTED := $(VENV)/.linted
LINT_READS := $(shell find lib tools host_tests manifest.py setup.py pyproject.toml \
	-name __pycache__ -prune -o -print)
# The tests start hundreds of commands, and each would compile all its modules again.
unexport PYTHONDONTWRITEBYTECODE
ifdef FIRMWARE
IMAGE := --firmware $(FIRMWARE)
endif

.PHONY: demo test pytest test-all lint mutation measure setup python packages test-packages clean

demo: setup
	$(BIN)/romboot demo $(BOARD) $(IMAGE)

test: python test-packages setup
	@$(MAKE) --no-print-directory -j2 lint pytest

pytest: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist $(DIST) $(THOROUGH) \
		$(if $(FIRMWARE),--firmware=$(FIRMWARE) --board=$(BOARD))

test-all:
	$(MAKE) test THOROUGH=--thorough

lint: setup $(LINTED)

$(LINTED): $(STAMP) $(LINT_READS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/pyright -p lib --typeshedpath "$$($(BIN)/python -c \
		'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

mutation: setup
	$(BIN)/python -m tools.fuzz $(BOARD) --mutate

measure: setup
	$(BIN)/romboot measure $(BOARD) $(IMAGE)

setup: python packages $(STAMP)

python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit( \
		"romboot needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name another one: " \
		"make PYTHON=python3.11 ..." % v)'

packages:
	@tools/setup/packages.sh

test-packages:
	@tools/setup/packages.sh test

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) .cache
