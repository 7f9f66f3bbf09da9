#!/usr/bin/env bash
# All tests, or those that the arguments (pytest's own) pick. Used by `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest)

trap 'exit 130' INT
(($# == 0)) || exec "${pytest[@]}" "$@"

# What needs no cluster uses every core. What looks at the whole cluster, or breaks it, runs alone; tests with a stack of
# their own wait most of the time and run beside each other. Those of the embedded cluster itself come last, because they
# take it away. They bring it up by themselves and leave it running. A part that fails does not keep the others from telling.
code=0
"${pytest[@]}" tests/unit -n auto --dist loadfile --durations 15 || code=$?
"${pytest[@]}" tests --ignore tests/unit --ignore tests/cluster/local -m "not apart" --durations 25 || code=$?
"${pytest[@]}" tests/cluster tests/engine -m apart -n 3 --dist loadfile --durations 25 || code=$?
"${pytest[@]}" tests/cluster/local --durations 15 || code=$?
exit "$code"
