#!/usr/bin/env bash
# Checks the project: style, types, the import law, and the suites of tests. Goes on after a failure, says at
# the end what became of each check, and fails if one failed.
#
#   scripts/check.sh                everything
#   scripts/check.sh --quick        style, types, the import law and the unit tests
set -uo pipefail
cd "$(dirname "$0")/.."

venv=${KADR_VENV:-.venv}
[[ $venv == /* ]] || venv=$PWD/$venv
bin=$venv/bin
logs=$(mktemp -d)
log=$logs/suite
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
names=() results=() failed=0

record() { names+=("$1") results+=("$2"); }

check() {
  local name=$1 began=$SECONDS
  shift
  printf '\n==> %s\n' "$name"
  if "$@"; then
    record "$name" "ok ($((SECONDS - began)) s)"
  else
    record "$name" "FAILED ($((SECONDS - began)) s)"
    failed=1
  fi
}

# pytest's own last line goes into the summary: what was skipped is not hidden behind an "ok".
suite() {
  local name=tests/$1 began=$SECONDS code
  if [ -z "$(find "$name" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
    record "$name" "there are none"
    return
  fi
  printf '\n==> %s\n' "$name"
  "$bin/python" -m pytest "$name" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  judge "$name" "$code" "$log" $((SECONDS - began))
}

judge() {
  record "$1" "$(grep -E '(passed|failed|error|skipped|no tests ran).* in [0-9.]+s' "$3" | tail -1 | tr -d '=')"
  if [ "$2" -ne 0 ]; then
    results[-1]="FAILED ($4 s) ${results[-1]}"
    failed=1
  fi
}

# The longest suite runs beside everything else and gives way to it. It has one thread: two would wait for each
# other in loops while somebody else has the other core. First comes the package that Kadr's way of running
# EasyOCR's networks is compared with.
models() {
  scripts/easyocr.sh && exec env OMP_NUM_THREADS=1 nice -n 10 "$bin/python" -m pytest --durations=15 tests/models
}

if [ "${1:-}" != --quick ]; then
  # `sam validate` and the Lambda runtime interface emulator, in an environment of their own
  scripts/sam.sh >"$logs/sam" 2>&1 &
  sam=$!
  printf '\n==> tests/models begins; what it says comes last\n'
  models >"$logs/models" 2>&1 &
  models=$! models_began=$SECONDS
fi
check "ruff check" "$bin/ruff" check .
check "ruff format" "$bin/ruff" format --check .
check "mypy --strict" "$bin/mypy"
check "import law" "$bin/lint-imports"
# types, lint and the tests of the search page's modules, under the Node.js of the environment
check "search page" scripts/web.sh
if [ "${1:-}" = --quick ]; then
  suite unit
else
  check "sam" wait "$sam"
  cat "$logs/sam"
  for each in unit contract integration e2e; do suite "$each"; done
  wait "$models"
  code=$?
  printf '\n==> tests/models\n'
  cat "$logs/models"
  judge tests/models "$code" "$logs/models" $((SECONDS - models_began))
fi

printf '\n'
for i in "${!names[@]}"; do printf '%-20s %s\n' "${names[$i]}" "${results[$i]}"; done
if [ "$failed" -ne 0 ]; then
  printf '\nNot everything passed.\n'
  exit 1
fi
printf '\nEverything passed.\n'
