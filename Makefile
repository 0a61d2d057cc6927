# Each command does all of its own set-up the first time (.ci/set_up.sh) and starts at once afterwards.
.DEFAULT_GOAL := help
.PHONY: fit view test lint format bench docs clean help

# Handed to the recipes through the environment, so that paths may hold spaces and quotes.
INPUT ?= demo
RESULT ?= results/demo
export INPUT OUTPUT RESULT PYTHON

fit: ## fit a hand: make fit INPUT=clip.mp4 OUTPUT=results/clip ARGS="--hand left"
	@.ci/set_up.sh fit
	@.venv/bin/python fit_sequence.py "$$INPUT" $${OUTPUT:+--output "$$OUTPUT"} $(ARGS)

view: ## look at a result in 3D: make view RESULT=results/clip ARGS="--colour texture"
	@.ci/set_up.sh view
	@.venv/bin/python -m fitter.view "$$RESULT" $(ARGS)

test: ## run the tests: make test ARGS="tests/test_config.py -k units"
	@.ci/set_up.sh dev
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses auto)

lint: ## check style, format and types
	@.ci/set_up.sh dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright --pythonpath .venv/bin/python

format: ## repair style and format
	@.ci/set_up.sh dev
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: ## measure speed and accuracy against other methods
	@.ci/set_up.sh dev
	@.venv/bin/python -m benchmarks $(ARGS)

docs: ## build the documentation into build/site
	@.ci/set_up.sh dev
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict

clean: ## remove the environment and all caches, keep the results
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache
	find fitter priors tests -name __pycache__ -prune -exec rm -rf {} +

help: ## list these commands
	@sed -n 's/^\([a-z]*\): ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand --tabs=14
