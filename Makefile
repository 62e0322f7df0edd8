# Two commands do all set-up: `make demo` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SUDOER := $(shell id -u)
PHOTOS := .cache/photos
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
# Where it is set every process compiles all it imports again: the daemon starts in 0.54 s instead of 0.36.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check lint types bench fuzz mutate photos lock schema clean

help:
	@echo "make demo        one simulated estate, live; ARGS=--once plays the scripted scenario"
	@echo "make test        lint, types, architecture and all tests"
	@echo "make bench       measurements with their peers, as tables"
	@echo "make bench-vision  cameras: what falls, zones, lines, doors, cost; adds HOURS=1 FALLS=720 (JOBS=2) to what is measured"
	@echo "make test-gpio   GPIO against a kernel's simulated chip (builds that kernel once, some minutes)"
	@echo "make test-v4l2   cameras of this machine against a kernel's simulated one (the same kernel)"
	@echo "make fuzz        a million inputs over all decoders; INPUTS=20000 for fewer"
	@echo "make mutate      mutation testing of core/: changes it and sees whether the tests notice (minutes)"
	@echo "make faults      the fault laboratory, a sample of every row (docs/faults.md); FULL=1, QUICK=1, ROW=, SEED="
	@echo "make soak        all faults mixed for HOURS=1; make peers: others under the same faults"
	@echo "make fuzz-uplink  a million hostile messages from the broker (COUNT=…, SEED=…)"
	@echo "make check       lint and types only"
	@echo "make schema      write the generated reference (JSON Schemas, AsyncAPI document, profile schema)"
	@echo "make snapshot    keep this version's schemas: later ones must stay readable"
	@echo "make lock        resolve the dependencies again"

setup: $(VENV)/.ready

# An environment knows where it is: one that was copied or moved with its folder is made anew.
ifneq ($(shell cat $(VENV)/.ready 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.ready
endif
$(VENV)/.ready: requirements-test.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Set PYTHON=python3.11 (or newer)."; exit 1; }
	@$(PYTHON) -c 'import struct, sys; sys.exit(struct.calcsize("P") != 8)' \
	  || { echo "A 64-bit system is needed: there are no wheels of OpenCV, libosdp and others for 32 bits."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory system NEED="python3-venv" WHY="it makes the environment"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-test.lock
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo $(CURDIR) >$@

# Debian packages: installed when root, otherwise named.
.PHONY: system broker postgres clients browser
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

clients:
	@command -v mosquitto_pub >/dev/null && command -v jq >/dev/null && command -v openssl >/dev/null \
	  || $(MAKE) --no-print-directory system NEED="mosquitto-clients jq openssl" WHY="the recipe of docs/platform.md; without them its test is skipped" \
	  || echo "going on without mosquitto-clients and jq"

postgres:
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 \
	  || $(MAKE) --no-print-directory system NEED="postgresql" WHY="the city's larger database; without it its tests are skipped" \
	  || echo "going on without PostgreSQL"

browser:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
	  || $(MAKE) --no-print-directory system NEED="chromium-headless-shell fonts-wqy-microhei" WHY="the console's end-to-end tests; without it they are skipped" \
	  || $(MAKE) --no-print-directory system NEED="chromium fonts-wqy-microhei" WHY="where there is no such package" \
	  || echo "going on without Chromium"

demo: setup broker photos
	@$(BIN)/edge-agent demo --photos $(PHOTOS) $(ARGS)

photos: setup
	@$(BIN)/python -m edge_agent.sim.photos $(PHOTOS) || echo "going on without photographs: the face steps will say so"

check: lint types

lint: setup
	$(BIN)/ruff check edge_agent tests bench
	$(BIN)/ruff format --check edge_agent tests bench

types: setup
	$(BIN)/mypy

# The types are checked beside the tests, which wait for devices a fifth of the time.
test: setup broker postgres clients browser photos lint
	@$(MAKE) --no-print-directory -j 2 types suite

# Many tests run real processes; on a busy machine one may miss its deadline. Only that is tried once more, and counted.
LATE := "not.within" "TimeoutError" "TimeoutExpired" "Timeout.>" "with.timeout"
.PHONY: suite
suite: setup
	@ls tests/__pycache__/*pytest*.pyc >/dev/null 2>&1 || $(BIN)/pytest --collect-only -qq >/dev/null  # compiled once, not by four
	$(BIN)/pytest -n 4 --dist worksteal --reruns 1 $(foreach late,$(LATE),--only-rerun $(late)) $(ARGS)

# The real libgpiod on a kernel's simulated GPIO chip: a Linux built as an ordinary program, some minutes the first time.
.PHONY: test-gpio test-v4l2 kernel
test-gpio: kernel
	tests/kernel/boot.sh tests/gpio

test-v4l2: kernel
	tests/kernel/boot.sh tests/v4l2

kernel: setup
	@command -v flex >/dev/null && command -v bison >/dev/null && ls /usr/src/linux-source-*.tar.xz >/dev/null 2>&1 \
	  || [ -x .cache/uml/linux ] \
	  || $(MAKE) --no-print-directory system NEED="linux-source flex bison bc xz-utils gcc make libc6-dev" WHY="the small kernel of these tests"
	tests/kernel/build_kernel.sh

# Hostile messages against the real inbox and command flow, and against the city's intake; bounded by COUNT.
.PHONY: fuzz-uplink
COUNT ?= 1000000
SEED ?= 1
fuzz-uplink: setup
	PYTHONPATH=. $(BIN)/python -m tests.uplink.hostile $(COUNT) $(SEED) 2>/dev/null
	PYTHONPATH=. $(BIN)/python -m tests.city.hostile $(COUNT) $(SEED) 2>/dev/null

.PHONY: fuzz-api
fuzz-api: setup broker
	API_PHASES=coverage,fuzzing API_EXAMPLES=30 $(BIN)/pytest -q --timeout 900 tests/console/test_api.py -k schemathesis

bench: setup broker postgres photos
	PYTHONPATH=. $(BIN)/python bench/journal.py
	PYTHONPATH=. $(BIN)/python bench/decide.py
	PYTHONPATH=. $(BIN)/python bench/book.py
	PYTHONPATH=. $(BIN)/python bench/roll.py
	PYTHONPATH=. $(BIN)/python bench/card.py
	PYTHONPATH=. $(BIN)/python bench/osdp_bus.py
	PYTHONPATH=. $(BIN)/python bench/daemon.py
	PYTHONPATH=. $(BIN)/python bench/city.py
	PYTHONPATH=. $(BIN)/python bench/modbus.py
	PYTHONPATH=. $(BIN)/python bench/face.py
	PYTHONPATH=. $(BIN)/python bench/gallery.py
	PYTHONPATH=. $(BIN)/python bench/uplink.py
	PYTHONPATH=. $(BIN)/python bench/console.py

.PHONY: bench-enrol
bench-enrol: setup photos
	PYTHONPATH=. $(BIN)/python bench/enrol.py -n $(or $(PEOPLE),10000)

# Cameras. What falls from drawn walls and before real footage (EDGE_AGENT_DATA), hours in which nothing does, what a
# frame costs; two hours. Each run adds HOURS=, FALLS=, DIVES= of birds and CROWDS= clips, not seen yet, to what this code
# measured and prints all of it; HOURS=0 FALLS=0 DIVES=0 CROWDS=0 only prints. Then zones, lines and doors.
.PHONY: bench-vision
bench-vision: setup
	PYTHONPATH=. HOURS=$(or $(HOURS),1) FALLS=$(or $(FALLS),720) DIVES=$(or $(DIVES),2000) CROWDS=$(or $(CROWDS),40) JOBS=$(or $(JOBS),2) $(BIN)/python bench/falling.py
	PYTHONPATH=. $(BIN)/python bench/falling_cost.py
	$(MAKE) bench-zones

# Zones and lines against drawn scenes, a labelled clip (EDGE_AGENT_DATA) and plain subtraction; ten minutes.
.PHONY: bench-zones
bench-zones: setup
	PYTHONPATH=. $(BIN)/python bench/zones.py --scenes $(or $(SCENES),54) --empty $(or $(EMPTY),15) --jobs $(or $(JOBS),2)
	PYTHONPATH=. $(BIN)/python bench/joins.py --scenes $(or $(JOINS),100) --jobs $(or $(JOBS),2)
	PYTHONPATH=. $(BIN)/python bench/zones_cost.py

# What networks find in real lifts; wants public pictures and networks that are not part of this project.
.PHONY: bench-ebike
bench-ebike: setup
	PYTHONPATH=. $(BIN)/python bench/ebike.py

INPUTS ?= 1000000
fuzz: setup .cache/fuzz/.ready
	$(BIN)/python -m tests.fuzz.run --inputs $(INPUTS)
	LONG=100000 $(BIN)/pytest -q tests/protocols/test_any_bytes.py

# atheris lives apart: it has wheels for x86-64 alone (none for aarch64), not for every Python, and nothing else needs it.
.cache/fuzz/.ready: requirements-test.lock Makefile
	$(PYTHON) -m venv --clear .cache/fuzz
	.cache/fuzz/bin/pip install --quiet --disable-pip-version-check --only-binary :all: msgspec pynmea2 pymodbus 'atheris>=2.3,<4' \
	  || echo "skipping the inputs guided by coverage: atheris has no wheel for this Python or machine"
	@touch $@

# Changes core/ in some thousand small ways and sees whether tests/core notices; minutes. Results: docs/mutants.md.
MUTATE := .cache/mutate
mutate: setup
	@test -x $(MUTATE)/venv/bin/mutmut || $(PYTHON) -m venv $(MUTATE)/venv
	@$(MUTATE)/venv/bin/pip install --quiet --disable-pip-version-check "$$(sed -n 's/^mutate = \["\(.*\)"\].*/\1/p' pyproject.toml)"
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(MUTATE)/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/edge-agent.pth"
	@rm -rf $(MUTATE)/work && mkdir -p $(MUTATE)/work
	@cp -a edge_agent tests pyproject.toml $(MUTATE)/work/
	cd $(MUTATE)/work && ../venv/bin/mutmut run $(ARGS)
	$(BIN)/python tests/core/mutants.py $(MUTATE)/work

# The fault laboratory (docs/faults.md). FULL=1: the table's numbers, hours; QUICK=1: under 90 s; ROW=, SEED=, N=: again.
FAULTS := $(if $(FULL),--full) $(if $(QUICK),--quick) $(if $(ROW),--row $(ROW)) $(if $(SEED),--seed $(SEED)) $(if $(N),-n $(N)) \
          $(if $(JOBS),--jobs $(JOBS))
.PHONY: faults soak peers
faults: setup broker
	$(BIN)/python -m tests.faults $(FAULTS)

soak: setup broker
	HOURS=$(or $(HOURS),1) $(BIN)/python -m tests.faults --row 28 $(if $(SEED),--seed $(SEED))

# Other projects under the same faults, in an environment of their own.
peers: setup broker
	@[ -x .cache/peers/bin/python ] || { $(PYTHON) -m venv .cache/peers && .cache/peers/bin/pip install -q paho-mqtt aiomqtt simplejson pybase64 \
	  && .cache/peers/bin/pip install -q --no-deps thingsboard-gateway; }
	$(BIN)/python -m tests.faults.peers $(if $(N),-n $(N))

schema: setup
	$(BIN)/python -m edge_agent.contract.schemas docs/reference/schemas
	$(BIN)/python -m edge_agent.contract.examples docs/reference/examples
	$(BIN)/python -m edge_agent.contract.asyncapi docs/reference/asyncapi.json
	$(BIN)/python -m edge_agent.console.api docs/reference/openapi.json
	$(BIN)/python -m edge_agent.cli.reference docs/reference device_profiles

# At a release, once: what was published is never changed, and a test holds the structs against it.
.PHONY: snapshot
snapshot: schema
	$(BIN)/python -m edge_agent.contract.history docs/reference/history

lock:
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --override overrides.txt --extra demo -o requirements.lock pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --override overrides.txt --extra demo --extra city --extra test -o requirements-test.lock pyproject.toml

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
