#!/usr/bin/env bash
# All tests: unit, then those on the cluster and with Pulumi's engine. Used by `make test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The cluster tests bring the embedded cluster up by themselves and leave it running.
exec .venv/bin/python -m pytest "$@"
