#!/usr/bin/env bash
# The local Kubernetes (unless KUBE_CONTEXT names another one) and the stack on it. Used by `make dev`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack="${1:-dev}"

# Each command tells by itself that it was interrupted, and exits with 130.
trap 'exit 130' INT

# Wrong settings are told before anything is started.
settings="$(.venv/bin/slipway config check --stack "$stack")"
if [[ -z "${KUBE_CONTEXT:-}" && "$settings" == *"(embedded)"* ]]; then
  # Pulumi's CLI, where it has to be built, beside the cluster's programs: `up` waits for it, and tells what goes wrong.
  .venv/bin/slipway pulumi --stack "$stack" -- version >/dev/null 2>&1 &
  .venv/bin/slipway local up
fi
.venv/bin/slipway up --yes --stack "$stack"
if [[ -z "${SLIPWAY_KEEP_GO:-}" ]]; then
  # 12 GB after a first run, and of use to those alone who change what is built.
  go="${SLIPWAY_CACHE:-$HOME/.cache/slipway}/go"
  # Not while somebody else builds.
  [[ ! -d "$go" ]] || flock --nonblock "$go/.lock" rm -rf "$go"/{build,mod} || true
fi
