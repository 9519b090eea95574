# Everything a developer does. `make demo` needs requirements.txt alone, the rest the tools too.

PORT ?= 8000
SESSIONS ?= 20000
SEED ?= 1
WORKERS ?= 2
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.12 \
	--no-header --no-emit-index-url --no-annotate

.PHONY: demo test lint types format check lock clean product tools

demo: product
	@exec $(BIN)/python manage.py demo --port $(PORT) --sessions $(SESSIONS) --seed $(SEED)

# make test ARGS="tests/dashboard -x" runs a part.
test: tools
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

lint: tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	git ls-files -z -- 'templates/*.html' | xargs -0r $(BIN)/djade --target-version 6.1 --check
	$(BIN)/typos
	$(BIN)/python manage.py makemigrations --check --dry-run

types: tools
	$(BIN)/mypy

format: tools
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	git ls-files -z -- 'templates/*.html' | xargs -0r $(BIN)/djade --target-version 6.1

check: lint types test

# Newer versions within requirements*.in: make lock ARGS=--upgrade
lock: tools
	$(LOCK) $(ARGS) requirements.in -o requirements.txt
	$(LOCK) $(ARGS) requirements-dev.in -o requirements-dev.txt

# What the tools made. The data in var/ stays.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -prune -exec rm -rf {} +

product:
	@.ci/venv requirements.txt

tools:
	@.ci/venv requirements-dev.txt
