# Commands of this project. On a new machine with Python >= 3.11, Node >= 18 and make:
#   make run    set up and serve on http://127.0.0.1:8000
#   make test   set up and run the tests of the product
PYTHON ?= python3
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL)
# Packages are pinned by hash, and installation runs no code of the packages.
LOCKED := --require-hashes --only-binary :all:

# For AWS: architecture of the functions, build folder, stack name, and stack parameters as Key=Value.
ARCH ?= arm64
BUILD ?= .aws-sam/build
STACK ?= mallard
PARAMETERS ?=
SAM = SAM_CLI_TELEMETRY=0 ARCHITECTURE=$(ARCH) PATH="$(abspath $(BIN)):$$PATH" .venv/sam/bin/sam

# Bytecode is compiled once, not in each of the hundred processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run quick test check judge heavy soak coverage audit bench docs lists build deploy setup setup-test setup-check pins digests clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup ## Set up and serve on 127.0.0.1:8000 (MALLARD_HOST, MALLARD_PORT)
	@exec $(BIN)/mallard serve

quick: setup-test ## Run the fast tests, without browsers, sockets, other processes and DuckDB
	PYTHONPATH=tests $(BIN)/python -m pytest -p support.quick -m "not heavy" --numprocesses 2 --dist loadfile

test: setup-test ## Set up and run the tests of the product
	$(BIN)/python -m pytest -m "not heavy" --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: setup-check ## Check lint, types and the template, and run the test suites with heavy dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 judge heavy

# In parallel with the heavy tests, which sometimes wait for other programs.
judge:
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	.venv/peers/checkov/bin/checkov --config-file deploy/checkov.yaml --file template.yaml

heavy:
	$(BIN)/python -m pytest -m "heavy and not soak or hypothesis and not numbered" --numprocesses 2 --dist loadfile --no-loadscope-reorder

soak: setup-check ## Run the flush state machine over 100,000 schedules, long property tests, more kills and full test matrices; takes hours
	PYTHONPATH=tests $(BIN)/python tests/soak.py

coverage: setup-check ## List the lines that make test does not cover; informational
	$(BIN)/python -m coverage run --data-file=.venv/coverage --source=layers/common/mallard,functions -m pytest -m "not heavy"
	$(BIN)/python -m coverage report --data-file=.venv/coverage --show-missing --skip-covered

audit: .venv/audit/bin/pip-audit ## Check pinned packages for known vulnerabilities; requires a network
	.venv/audit/bin/pip-audit --disable-pip --require-hashes --strict $(addprefix -r ,$(wildcard requirements/*.txt))
	npm audit

bench: setup-check ## Run the benchmarks and write bench/results.md
	$(BIN)/python -m bench

build: .venv/.sam ## Build functions and layers for AWS (ARCH=arm64 or x86_64)
	@$(SAM) build --build-dir $(BUILD) --parameter-overrides Architecture=$(ARCH)
	@$(BIN)/python deploy/sizes.py $(BUILD)

deploy: build setup ## Build, deploy and upload to AWS: STACK=mallard PARAMETERS="Sites=example.com ..."; docs/deploy.md
	@found=$$($(BIN)/python deploy/prepare.py $(STACK) $(PARAMETERS)) && \
	$(SAM) deploy --config-file "$(abspath samconfig.toml)" --template-file $(BUILD)/template.yaml --stack-name $(STACK) \
		--parameter-overrides Architecture=$(ARCH) $(PARAMETERS) $$found
	@$(BIN)/python deploy/publish.py $(STACK)

lists: setup-test ## Refresh the lists that are generated from packages
	@$(BIN)/python deploy/lists.py

docs: setup ## Write docs/api.md from the OpenAPI description
	@$(BIN)/python docs/api_page.py

setup: .venv/.serve dashboard/vendor/.done ## Create .venv with the command `mallard`, and build the browser files

setup-test: setup .venv/.test ## Set up and install test dependencies, including Chromium
	@$(BIN)/python tests/support/chromium.py

setup-check: setup-test .venv/.check .venv/.sam ## Set up and install linters and the dependencies of heavy tests
	@$(BIN)/python tests/support/peers.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; '$(PYTHON)' is older. Name one: make PYTHON=python3.13 ..." >&2; exit 2; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv

.venv/.serve: requirements/build.txt requirements/serve.txt pyproject.toml | .venv/bin/python
	@echo "Installing Python packages ..."
	@$(PIP) $(LOCKED) -r requirements/build.txt -r requirements/serve.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements/test.txt | .venv/.serve
	@echo "Installing what the tests need ..."
	@$(PIP) $(LOCKED) -r requirements/test.txt
	@touch $@

.venv/.check: requirements/check.txt | .venv/.test
	@echo "Installing linters ..."
	@$(PIP) $(LOCKED) -r requirements/check.txt
	@touch $@

.venv/.sam: requirements/sam.txt | .venv/bin/python
	@echo "Installing AWS SAM CLI ..."
	@$(BIN)/python -m venv --clear .venv/sam
	@.venv/sam/bin/python $(INSTALL) --no-compile --no-deps $(LOCKED) -r requirements/sam.txt
	@touch $@

.venv/audit/bin/pip-audit: requirements/audit.txt | .venv/bin/python
	@$(BIN)/python -m venv --clear .venv/audit
	@.venv/audit/bin/python $(INSTALL) $(LOCKED) -r requirements/audit.txt
	@touch $@

.venv/pins/bin/uv: requirements/pins.txt | .venv/bin/python
	@$(BIN)/python -m venv --clear .venv/pins
	@.venv/pins/bin/python $(INSTALL) $(LOCKED) -r requirements/pins.txt
	@touch $@

dashboard/vendor/.done: package.json package-lock.json dashboard/vendor.mjs $(wildcard tracker/*.mjs tracker/*.js tracker/parts.json tracker/parts/*.js)
	@node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)' || \
		{ echo "Node 18 or newer is needed, for the dashboard's modules." >&2; exit 2; }
	@echo "Putting the browser's files into place ..."
	@npm ci --silent --ignore-scripts --no-audit --no-fund
	@npm run --silent build
	@touch $@

PINS := requirements/serve.txt:serve requirements/test.txt:test requirements/check.txt:check \
	functions/ingest/requirements.txt:ingest functions/flush/requirements.txt:flush functions/query/requirements.txt:query-function \
	layers/duckdb/requirements.txt:duckdb layers/arrow/requirements.txt:arrow \
	requirements/build.txt:build requirements/sam.txt:sam requirements/audit.txt:audit requirements/pins.txt:pins
# Lock files name no host, so a lock file works with any mirror.
LOCK = .venv/pins/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

pins: .venv/pins/bin/uv ## Update the lock files of pyproject.toml's dependency groups, and the hashes of test dependencies
	@for pin in $(PINS); do \
		$(LOCK) --only-binary :all: --group $${pin#*:} --output-file $${pin%:*} \
			$$(test $${pin#*:} != ingest || echo --override functions/ingest/unused.txt) >/dev/null || exit 1; done
	@for peer in requirements/peers/*.txt; do $(LOCK) --no-deps --output-file $$peer $$peer >/dev/null || exit 1; done

digests: ## Renew the digests of the images in the Dockerfile and the compose files; takes Docker with Buildx, and a network
	@$(PYTHON) deploy/digests.py

clean: ## Remove the results of setup; keep the data
	rm -rf .venv node_modules dashboard/vendor tracker/dist
