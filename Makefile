# A newcomer's door: `make` alone explains each target. Every target sets up what it needs first.
.DEFAULT_GOAL := help
.NOTPARALLEL:
BIN := .venv/bin
ENVIRONMENT := .venv/.synced
BROWSER := .tools/browser/.synced
TESTS ?= tests

# A stack is ten processes of Python and the tests start hundreds: what is compiled once is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(ENVIRONMENT) ## the whole product on this machine with a sample database; ONCE=1: run through it and leave
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(BROWSER) || echo "without the player of terminals"; fi
	$(BIN)/countersign demo $(if $(ONCE),--once)

.PHONY: test
test: setup-test ## every test (TESTS=tests/unit/schemas: only those)
	$(BIN)/pytest -q -n 2 --dist loadgroup $(TESTS)

.PHONY: test-unit
test-unit: $(ENVIRONMENT) ## the tests without I/O, in a minute
	$(BIN)/pytest -q -n 2 tests/unit tests/test_repository.py

.PHONY: test-kubernetes
test-kubernetes: setup-test ## the tests of clusters with a real kube-apiserver, built once into the cache (some 7 minutes)
	PYTHONPATH=tests $(BIN)/python -P -m support.cluster_build
	COUNTERSIGN_REAL_CLUSTER=1 $(BIN)/pytest -q tests/clients/kubernetes

.PHONY: test-libpq
test-libpq: setup-test ## psql 18 signing in with OAuth by itself, before a real Keycloak (fetches psql once)
	infra/setup.sh libpq
	$(BIN)/pytest -q tests/identity/test_device_flow.py

.PHONY: leaks
leaks: setup-test ## every known way to read masked values, and many random queries (QUERIES=5000)
	COUNTERSIGN_RANDOM_QUERIES=$(or $(QUERIES),5000) $(BIN)/pytest -q --timeout 0 tests/leaks/test_leaks.py

.PHONY: lint
lint: $(ENVIRONMENT) ## format, lint, types, import directions; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: bench
bench: $(ENVIRONMENT) ## what the gateway costs: direct, pgbouncer and Countersign side by side (root)
	infra/setup.sh bench
	PYTHONPATH=tests $(BIN)/python -P -m bench

.PHONY: client-suites
client-suites: setup-test ## clients' own test suites, directly and through the gateway, test by test (SUITES=asyncpg: only that)
	PYTHONPATH=tests $(BIN)/python -P -m clients.suites $(SUITES)

.PHONY: long-holds
long-holds: setup-test ## commands held for half an hour (SECONDS=1800) with psql, psycopg, asyncpg and JDBC
	COUNTERSIGN_HOLD_SECONDS=$(or $(SECONDS),1800) $(BIN)/pytest -q tests/clients/test_holds.py

.PHONY: copy-gigabyte
copy-gigabyte: setup-test ## COPY of 1 GB each way through the gateway, in bounded memory
	COUNTERSIGN_COPY_MIB=1024 $(BIN)/pytest -q tests/clients/test_large.py -k copy_in_and_out

.PHONY: fuzz
fuzz: $(ENVIRONMENT) ## a million messages through the PostgreSQL codec and sessions, coverage-guided
	.tools/uv/bin/uv pip install --quiet --require-hashes --python $(BIN)/python --target .tools/fuzz \
		--requirement tests/fuzz/requirements.txt
	cd .tools/fuzz && PYTHONPATH=.:../../tests ../../$(BIN)/python -P -m fuzz -max_len=400 -len_control=0 \
		-timeout=20 -rss_limit_mb=2048 -verbosity=0

.PHONY: docs
docs: $(ENVIRONMENT) ## draw docs/events.md from schemas/
	PYTHONPATH=tests $(BIN)/python -P -m support.events_page

.PHONY: release-schemas
release-schemas: $(ENVIRONMENT) ## keep today's schemas as VERSION=n for ever, before they ship
	PYTHONPATH=tests $(BIN)/python -P -m support.released $(VERSION)

.PHONY: package
package: $(ENVIRONMENT) $(BROWSER) ## the wheel and the source distribution into dist/
	.tools/uv/bin/uv build

.PHONY: setup-test
setup-test: $(ENVIRONMENT) $(BROWSER) ## what the tests need from this machine: PostgreSQL, psql, Chromium
	infra/setup.sh test

.PHONY: clean
clean: ## remove what was made here; caches outside this folder stay
	rm -rf .venv .tools dist api/web/static/vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(ENVIRONMENT): uv.lock pyproject.toml infra/setup.sh
	infra/setup.sh environment
	@touch $@

$(BROWSER): api/web/package-lock.json infra/setup.sh
	infra/setup.sh browser
	@touch $@
