# Every target first fetches what is missing (uv, the virtual environment); see scripts/bootstrap.sh.
.DEFAULT_GOAL := help
.PHONY: help dev preview down test test-all soak check audit sbom bench bootstrap

STACK ?= dev
PYTEST ?=
ONLY ?=
BENCH ?=
BIN := .venv/bin
# The clouds' SDKs are large: compiled anew in each process they would double the time of a run.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show the targets
	@echo 'make TARGET [STACK=dev]     KUBE_CONTEXT=name uses a cluster of your own'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done

dev: bootstrap ## Bring up the local Kubernetes and the stack, and show where each app answers
	@scripts/dev.sh $(STACK)

preview: bootstrap ## Show what `make dev` would change
	@$(BIN)/slipway preview --stack $(STACK)

down: bootstrap ## Remove everything that the stack made
	@$(BIN)/slipway down --stack $(STACK)

test: bootstrap ## Unit, cluster and engine tests, but the slow ones (PYTEST='-k word' picks some)
	@scripts/test.sh $(PYTEST)

test-all: bootstrap ## The slow tests as well: the same promises tried in more ways, an hour
	@scripts/test.sh --all

soak: bootstrap ## The long half of the tests of faults, kills and environments, 30 minutes at most
	@scripts/soak.sh $(PYTEST)

check: bootstrap ## Lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

audit: ## Known vulnerabilities of all that is pinned, by osv-scanner
	@scripts/supply-chain.sh audit

sbom: ## A bill of materials of all that is pinned, by syft: sbom.json
	@scripts/supply-chain.sh sbom

bench: bootstrap ## Measure, side by side, and write bench/RESULTS.md (ONLY=render,growth picks parts)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(BENCH)

bootstrap:
	@scripts/bootstrap.sh
