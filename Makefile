# Two commands do all set-up: `make demo` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SUDOER := $(shell id -u)
PHOTOS := .cache/photos
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1

.PHONY: help setup demo test check lint types bench photos lock schema clean

help:
	@echo "make demo        one simulated estate, live; ARGS=--once plays the scripted scenario"
	@echo "make test        lint, types, architecture and all tests"
	@echo "make bench       measurements with their peers, as tables"
	@echo "make test-gpio   GPIO against a kernel's simulated chip (builds that kernel once, some minutes)"
	@echo "make check       lint and types only"
	@echo "make schema      write the generated reference (JSON Schemas, profile schema)"
	@echo "make lock        resolve the dependencies again"

setup: $(VENV)/.ready

$(VENV)/.ready: requirements-test.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Set PYTHON=python3.11 (or newer)."; exit 1; }
	@$(PYTHON) -c 'import struct, sys; sys.exit(struct.calcsize("P") != 8)' \
	  || { echo "A 64-bit system is needed: there are no wheels of OpenCV, libosdp and others for 32 bits."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory system NEED="python3-venv" WHY="it makes the environment"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-test.lock
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Debian packages: installed when root, otherwise named.
.PHONY: system broker
system:
	@if [ $(SUDOER) = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $(NEED) ($(WHY))"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(NEED) >/dev/null; \
	else \
	  echo "Please install: sudo apt-get install $(NEED)   ($(WHY))"; exit 1; \
	fi

broker:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null \
	  || $(MAKE) --no-print-directory system NEED="mosquitto" WHY="the MQTT broker; without it the 3.1.1-only embedded one is used" \
	  || echo "going on without Mosquitto"

demo: setup broker photos
	@$(BIN)/edge-agent demo --photos $(PHOTOS) $(ARGS)

photos: setup
	@$(BIN)/python -m edge_agent.sim.photos $(PHOTOS) || echo "going on without photographs: the face steps will say so"

check: setup
	$(BIN)/ruff check edge_agent tests bench
	$(BIN)/ruff format --check edge_agent tests bench
	$(BIN)/mypy

test: setup broker photos check
	$(BIN)/pytest -n 4 --dist worksteal $(ARGS)

# The real libgpiod on a kernel's simulated GPIO chip: a Linux built as an ordinary program, some minutes the first time.
.PHONY: test-gpio
test-gpio: setup
	@command -v flex >/dev/null && command -v bison >/dev/null && ls /usr/src/linux-source-*.tar.xz >/dev/null 2>&1 \
	  || [ -x .cache/uml/linux ] \
	  || $(MAKE) --no-print-directory system NEED="linux-source flex bison bc xz-utils gcc make libc6-dev" WHY="the small kernel of the GPIO tests"
	tests/gpio/build_kernel.sh
	tests/gpio/boot.sh

bench: setup broker photos
	PYTHONPATH=. $(BIN)/python bench/journal.py
	PYTHONPATH=. $(BIN)/python bench/decide.py
	PYTHONPATH=. $(BIN)/python bench/book.py
	PYTHONPATH=. $(BIN)/python bench/card.py
	PYTHONPATH=. $(BIN)/python bench/daemon.py
	PYTHONPATH=. $(BIN)/python bench/face.py
	PYTHONPATH=. $(BIN)/python bench/gallery.py

schema: setup
	$(BIN)/python -m edge_agent.contract.schemas docs/reference/schemas
	$(BIN)/python -m edge_agent.cli.reference docs/reference device_profiles

lock:
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --override overrides.txt --extra demo -o requirements.lock pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --override overrides.txt --extra demo --extra test -o requirements-test.lock pyproject.toml

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
