#!/usr/bin/env bash
# The tests: without arguments all but the slow ones, with `--all` those as well, or what the arguments (pytest's own) pick.
# Used by `make test` and `make test-all`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest)

trap 'exit 130' INT
quick=(-m 'not slow')
if [[ "${1:-}" == --all ]]; then
  quick=()
elif (($# > 0)); then
  exec "${pytest[@]}" "$@"
fi

# What needs no cluster uses every core; the cluster is one, so its tests follow each other. They bring the embedded
# cluster up by themselves and leave it running. What fails in the first part does not keep the second one from telling.
code=0
"${pytest[@]}" tests/unit tests/manifests tests/workflows "${quick[@]}" -n auto --dist loadfile --no-loadscope-reorder \
  --durations 15 || code=$?
"${pytest[@]}" tests/builds tests/cluster tests/engine "${quick[@]}" --durations 40 || code=$?
exit "$code"
