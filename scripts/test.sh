#!/usr/bin/env bash
# All tests, or those that the arguments (pytest's own) pick. Used by `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest)

trap 'exit 130' INT
(($# == 0)) || exec "${pytest[@]}" "$@"

# What needs no cluster uses every core; the cluster is one, so its tests follow each other. They bring the embedded
# cluster up by themselves and leave it running. What fails in the first part does not keep the second one from telling.
code=0
"${pytest[@]}" tests/unit -n auto --dist loadfile --durations 15 || code=$?
"${pytest[@]}" tests --ignore tests/unit --durations 40 || code=$?
exit "$code"
