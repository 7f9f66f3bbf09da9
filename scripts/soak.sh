#!/usr/bin/env bash
# The long half of the reliability campaign, at most 30 minutes (SLIPWAY_SOAK_MINUTES) whatever it meets. Used by
# `make soak`; arguments are pytest's own. What was measured is appended to SLIPWAY_TEST_REPORT, one JSON a line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minutes="${SLIPWAY_SOAK_MINUTES:-30}"
export SLIPWAY_TEST_SOAK=1
# No test begins, and no loop goes on, in the last three minutes: what is under way ends and takes its stack away.
SLIPWAY_TEST_DEADLINE="$(($(date +%s) + minutes * 60 - 180))"
export SLIPWAY_TEST_DEADLINE
# What `make test` runs just as long is left to it.
(($# > 0)) || set -- tests/cluster/faults tests/cluster/test_environments.py tests/engine/test_two_at_once.py \
  tests/engine/test_kills.py -m 'soak or slow or repeated'

trap 'exit 130' INT
exec timeout --foreground --signal=INT --kill-after=30 "$((minutes * 60 - 30))" .venv/bin/python -m pytest "$@"
