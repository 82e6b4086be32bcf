# The one entry point, for people and for continuous integration. `make` alone prints the targets.
PYTHON ?= python3
BIN := .venv/bin
EX ?=
export PYTHONUNBUFFERED := 1
export ALL

.DEFAULT_GOAL := help
.PHONY: help env book serve test lint exercises chapter check grade doctor data reference benchmarks lock clean

help:
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1 | /' | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

env: ## set up .venv from the lock (a second time does nothing); PYTHON=python3.12 chooses another Python
	@$(PYTHON) mlm/environment.py

book: env ## build the site into _build/html: run what changed, then check every page strictly
	@$(BIN)/mlm book

serve: ## show the built site at http://localhost:8000
	@test -d _build/html || { echo "There is no site yet: run 'make book' first."; exit 1; }
	@echo "The site is at http://localhost:8000 (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

test: lint ## everything that proves the course; ALL=yes proves in full what is otherwise sampled (hours)
	$(BIN)/mlm book
	$(BIN)/mlm exercises --verify
	$(BIN)/pytest tests -m "not sandbox" --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder
	$(BIN)/pytest tests/grading -m sandbox
	$(if $(filter yes,$(ALL)),$(BIN)/python tests/sampling.py)

lint: env ## style of the code in the package, tests and chapters; spelling; unknown cell tags
	$(BIN)/ruff check mlm tests book/_ext
	$(BIN)/ruff format --check mlm tests book/_ext
	$(BIN)/codespell
	$(BIN)/pytest -q tests/test_sources.py

exercises: env ## make exercises/ and their keys from solutions/
	@$(BIN)/mlm exercises

chapter: env ## begin a chapter, a page and its exercises that build and pass: make chapter NEW=06-error-structure
	@$(if $(NEW),,echo "Say how it is called: make chapter NEW=06-error-structure"; exit 1;) $(BIN)/mlm chapter "$(NEW)"

check: env ## run a learner's notebook and print how each question went: make check EX=03-basics
	@$(BIN)/mlm check $(EX)

grade: env ## grade a folder of submissions in a sandbox: make grade EX=03-basics SUBS=folder OUT=folder [VARIANT=seed] [JOBS=n]
	@$(if $(and $(EX),$(SUBS),$(OUT)),,echo "Say what to grade: make grade EX=03-basics SUBS=folder OUT=folder"; exit 1;) \
	$(BIN)/mlm grade "$(EX)" "$(SUBS)" "$(OUT)" $(if $(VARIANT),--variant "$(VARIANT)") $(if $(JOBS),--jobs "$(JOBS)")

doctor: env ## can this machine run the course, and what to do where it cannot
	@$(BIN)/mlm doctor

data: env ## write rows and checksums into data/datapackage.json, and data/README.md from it
	@$(BIN)/python -m mlm.data

reference: ## fit the reference models and formulas with lme4 again, and predict (needs R)
	@command -v Rscript >/dev/null || { echo "R is not installed. On Debian and Ubuntu: apt install r-cran-lme4 r-cran-optimx r-cran-jsonlite r-cran-digest"; exit 1; }
	Rscript data/reference/lme4.R
	Rscript data/reference/formulas.R
	Rscript data/reference/predictions.R

benchmarks: env ## measure how fast engines, checks and grading are; keeps the engines' speeds (lme4's need R)
	$(BIN)/python tests/benchmarks/bench_lmm.py
	$(BIN)/python tests/benchmarks/bench_check.py
	$(BIN)/python tests/benchmarks/bench_grading.py

lock: ## compile requirements.txt and the Binder lock from their .in files (needs uv; UPGRADE=yes takes the newest)
	@command -v uv >/dev/null || { echo "uv is not installed: pip install uv"; exit 1; }
	uv pip compile $(LOCK_OPTIONS) requirements.in -o requirements.txt
	uv pip compile $(LOCK_OPTIONS) .binder/requirements.in -c requirements.txt -o .binder/requirements.txt

LOCK_OPTIONS := $(if $(UPGRADE),--upgrade) --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate

clean: ## remove what was built (the environment stays)
	rm -rf _build .cache
