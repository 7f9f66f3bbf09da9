#!/usr/bin/env bash
# Fetches what the project's commands need on a machine with nothing but python3 >= 3.11: uv (pinned, in the cache) and
# the virtual environment .venv from uv.lock. Quick when everything is there. Says everything that is missing at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# renovate: datasource=pypi depName=uv
UV_VERSION=0.13.8
CACHE="${SLIPWAY_CACHE:-$HOME/.cache/slipway}"
UV_HOME="$CACHE/uv/$UV_VERSION"
LOG="$CACHE/log/bootstrap.txt"
NEEDED_MIB=1024

problems=()

fail() {
  local problem
  echo "error: the project's environment cannot be prepared:" >&2
  for problem in "$@"; do echo "  - $problem" >&2; done
  exit 1
}

trap 'echo "interrupted; run the same command again to continue" >&2; exit 130' INT

look() {
  local version free
  if ! command -v python3 >/dev/null; then
    problems+=("python3 is missing; install Python 3.11 or newer (Debian: apt-get install python3)")
  elif ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    version="$(python3 -c 'import platform; print(platform.python_version())')"
    problems+=("python3 is $version; 3.11 or newer is needed")
  elif [[ ! -x "$UV_HOME/bin/uv" ]] && ! python3 -c 'import ensurepip' 2>/dev/null; then
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
      problems+=("python3 cannot make virtual environments; install its venv module (Debian: apt-get install python3-venv)")
    fi
  fi
  if ! mkdir -p "$CACHE/log" 2>/dev/null || [[ ! -w "$CACHE" ]]; then
    problems+=("the cache directory $CACHE cannot be written; set SLIPWAY_CACHE to one that can")
  fi
  [[ -w . ]] || problems+=("the project's directory $PWD cannot be written, and .venv goes there; it belongs to \
$(stat -c %U .), and this is user $EUID")
  if [[ ! -x .venv/bin/slipway ]]; then
    free="$(df -Pm . | awk 'NR == 2 { print $4 }')"
    ((free >= NEEDED_MIB)) || problems+=("$PWD has $free MiB free; the virtual environment takes $NEEDED_MIB MiB")
  fi
  ((${#problems[@]} == 0)) || fail "${problems[@]}"
}

# Runs a step quietly; its output is kept for the case that it fails.
step() {
  local what="$1"
  shift
  if ! "$@" >"$LOG" 2>&1; then
    tail -n 15 "$LOG" | sed 's/^/    /' >&2
    fail "$what failed (the whole output: $LOG)"
  fi
}

install_uv() {
  echo "installing uv $UV_VERSION into $CACHE" >&2
  if ! python3 -c 'import ensurepip' 2>/dev/null; then
    step "apt-get install python3-venv" bash -c \
      'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends python3-venv'
  fi
  # Built beside its place and renamed at the end: an interrupted run leaves nothing that looks complete.
  local draft="$UV_HOME.new"
  rm -rf "$draft"
  step "making a virtual environment for uv" python3 -m venv "$draft"
  step "pip install uv==$UV_VERSION" "$draft/bin/python" -m pip install \
    --disable-pip-version-check --require-hashes --only-binary :all: -r scripts/requirements-uv.txt
  mkdir -p "$UV_HOME/bin"
  install -m 755 "$draft/bin/uv" "$UV_HOME/bin/.uv"
  mv "$UV_HOME/bin/.uv" "$UV_HOME/bin/uv"
  rm -rf "$draft"
}

find_uv() {
  if command -v uv >/dev/null && [[ "$(uv --version 2>/dev/null | awk '{ print $2 }')" == "$UV_VERSION" ]]; then
    command -v uv
    return
  fi
  [[ -x "$UV_HOME/bin/uv" ]] || install_uv
  echo "$UV_HOME/bin/uv"
}

look
uv="$(find_uv)"
[[ -x .venv/bin/slipway ]] || echo "making the virtual environment .venv" >&2
python=()
[[ -x .venv/bin/python ]] || python=(--python "$(python3 -c 'import sys; print(sys.executable)')")
# The machine's own Python, not one that uv would download.
# Another clone's environment may be active.
step "uv sync" env -u VIRTUAL_ENV -u UV_PROJECT_ENVIRONMENT UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen "${python[@]}"
