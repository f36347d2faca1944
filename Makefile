# make demo   the main job: one brief becomes three published videos
# make test   the tests that a change needs while it is made: some minutes
# make verify the slow ones: many processes, real servers, kills. Of the longest families it takes a part of the
#             cases; WHOLE=1 takes all
# make lint   style, types, import rules
# make docs   the documentation as a site, strictly
# make rooms  the folders of the code, floor by floor, and what imports upward
# make bench  what is measured, against what
# make faults the whole fault matrix, at three providers: two or three hours on two cores
# make networks  the fault matrix at every network that the simulator plays: some hours for each
# make soak   the random soak, 10,000 steps: some minutes
# make storm  the storm, real processes treated at random, 60 rounds: about five minutes
# make serve-faults the fault matrix with `reelwork serve` in place of runs: hours
# make serve-storm  a server killed 100 times in a scheduled campaign: ten to twenty minutes
# make liar   servers that lie: 20,000 lost answers in virtual time, and 1,000 at each of four services
# make month  a month of a studio, told by its dashboard and acted on: some minutes
# make border a plugin that does every bad thing at every place: about five minutes
# make poison bad answers of every sort, and a secret in every form, at every place, and mistakes that must be
#             found by them: about half an hour
#
# Each works from nothing but Python 3.11 or newer; they share the virtual environment .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Many tests wait more than they compute.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) \* 2)

# The slow ones wait still more: for servers, for browsers, and for leases to run out.
PATIENT_WORKERS ?= $(shell expr $(WORKERS) \* 2)
WHOLE ?=

.PHONY: demo test verify lint rooms docs bench faults serve-faults networks soak storm serve-storm liar month border poison clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Reelwork needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	@echo "Making the virtual environment $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	@echo "Installing Reelwork …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@echo "Installing the checkers …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

$(VENV)-peers/.done: pyproject.toml | $(BIN)/python
	@echo "Installing the engines to measure beside …"
	@$(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --group peers
	@touch $@

demo: $(VENV)/.runtime
	@$(BIN)/reelwork --store demo-out/store.db run examples/campaign.toml --out demo-out

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) -m "not slow"

verify: $(VENV)/.test
	REELWORK_WHOLE=$(WHOLE) $(BIN)/python -m pytest --numprocesses=$(PATIENT_WORKERS) --dist=loadscope -m slow

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python docs/rooms.py
	$(BIN)/mypy
	$(BIN)/basedpyright

rooms: $(VENV)/.lint
	@$(BIN)/python docs/rooms.py

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.test $(VENV)-peers/.done
	REELWORK_BENCH_PEERS=$(VENV)-peers $(BIN)/python -m benchmarks

faults: $(VENV)/.test
	$(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_PROTOCOL=fal $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_PROTOCOL=kling $(BIN)/python tests/faults/matrix.py

serve-faults: $(VENV)/.test
	REELWORK_FAULTS_SERVE=1 $(BIN)/python tests/faults/matrix.py

networks: $(VENV)/.test
	REELWORK_FAULTS_NETWORK=mastodon $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=mastodon-keys $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=youtube $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=instagram $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=facebook $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=threads $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=tiktok $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=x $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=linkedin $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=linkedin-person $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=telegram $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=discord $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=webhook $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=webhook-keys $(BIN)/python tests/faults/matrix.py
	REELWORK_FAULTS_NETWORK=webhook-lookup $(BIN)/python tests/faults/matrix.py

soak: $(VENV)/.test
	$(BIN)/python tests/faults/soak.py

storm: $(VENV)/.test
	$(BIN)/python tests/faults/storm.py

serve-storm: $(VENV)/.test
	$(BIN)/python tests/faults/serve_storm.py

liar: $(VENV)/.test
	$(BIN)/python tests/faults/liar.py

month: $(VENV)/.test
	$(BIN)/python tests/faults/month.py

border: $(VENV)/.test
	REELWORK_BORDER=whole $(BIN)/python -m pytest tests/strangers/test_e_the_border.py tests/strangers/test_e_the_terminal_stays_ours.py

poison: $(VENV)/.test
	REELWORK_POISON=1 $(BIN)/python -m pytest tests/strangers/test_c_poisoned_answers.py tests/strangers/test_d_secrets.py

clean:
	rm -rf $(VENV) $(VENV)-peers demo-out dist
