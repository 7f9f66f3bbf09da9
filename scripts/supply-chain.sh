#!/usr/bin/env bash
# `make audit` and `make sbom`: osv-scanner and syft over everything that files of the project pin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

need() {
  command -v "$1" >/dev/null && return
  echo "error: $1 is not on PATH; install it: go install $2@latest, or $3" >&2
  exit 1
}

case "${1:-}" in
audit)
  need osv-scanner github.com/google/osv-scanner/v2/cmd/osv-scanner https://google.github.io/osv-scanner/installation/
  exec osv-scanner scan source --recursive .
  ;;
sbom)
  need syft github.com/anchore/syft/cmd/syft https://github.com/anchore/syft#installation
  exec syft scan dir:. --source-name slipway --exclude ./.venv -o cyclonedx-json=sbom.json
  ;;
*)
  echo "usage: $0 audit | sbom" >&2
  exit 2
  ;;
esac
