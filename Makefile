# Everything a developer does. `make demo` needs requirements.txt alone, the rest the tools too.

PORT ?= 8000
SESSIONS ?= 20000
SEED ?= 1
WORKERS ?= 2
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.12 \
	--no-header --no-emit-index-url --no-annotate

.PHONY: demo run test lint types format messages audit check lock clean image smoke product tools

demo: product
	@exec $(BIN)/python manage.py demo --port $(PORT) --sessions $(SESSIONS) --seed $(SEED)

# The same on your own account: VOX_CREDENTIALS=key.json DATA_DIR=var/own make run
run: product
	@exec $(BIN)/python manage.py run --port $(PORT)

# make test ARGS="tests/dashboard -x" runs a part.
test: tools
	$(BIN)/pytest -n $(WORKERS) --maxschedchunk 1 $(ARGS)

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

# After strings changed: collects them for translation (docs/translating.md) and compiles.
messages: tools
	$(BIN)/python .ci/messages

# Known vulnerabilities of what is locked, where the data about them can be reached.
audit: tools
	$(BIN)/python .ci/audit requirements-extras.txt

check: lint types test

# Measures speed on this machine and writes it to docs/performance.md. make benchmarks ARGS=pages
benchmarks: tools
	$(BIN)/python -m benchmarks $(ARGS)

# What Lighthouse says of each page goes into docs/design-system.md. Needs npx and Chromium.
lighthouse: tools
	$(BIN)/python -m benchmarks.lighthouse

# The image, and a whole installation from it on the made-up account. Both need Docker.
image:
	docker build -t voxledger .

smoke:
	ops/smoke

# The pictures of README.md. Needs Chromium.
screenshots: tools
	$(BIN)/python .ci/screenshots

# Newer versions within requirements*.in: make lock ARGS=--upgrade
lock: tools
	$(LOCK) $(ARGS) requirements.in -o requirements.txt
	$(LOCK) $(ARGS) requirements-extras.in -o requirements-extras.txt
	$(LOCK) $(ARGS) requirements-dev.in -o requirements-dev.txt

# What the tools made. The data in var/ stays.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -prune -exec rm -rf {} +

product:
	@.ci/venv requirements.txt

tools:
	@.ci/venv requirements-dev.txt
