#!/usr/bin/env bash
# Installs the AWS SAM command line into .kadr/tools/sam, an environment of its own: its pins and ours exclude
# each other. It brings `sam validate`, `sam build`, and the Lambda runtime interface emulator under which the
# tests run the handlers.
#
#   scripts/sam.sh            install, if it is not there
#   scripts/sam.sh validate   install, then run `sam validate …`
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.170.0
home=.kadr/tools/sam
log=.kadr/logs/sam.log
mkdir -p .kadr/logs

if [ "$(cat "$home/.version" 2>/dev/null)" != "$version" ]; then
  python=${KADR_VENV:-.venv}/bin/python
  [ -x "$python" ] || python=$(command -v python3.11 || command -v python3.12 || command -v python3)
  echo "==> installing the AWS SAM command line $version (about a minute; log: $log)"
  rm -rf "$home"
  "$python" -m venv "$home"
  if ! "$home/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
    "aws-sam-cli==$version" >"$log" 2>&1; then
    echo "Error: it could not be installed; the end of $log says:" >&2
    tail -5 "$log" >&2
    exit 1
  fi
  chmod +x "$home"/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-*
  echo "$version" >"$home/.version"
fi

if [ $# -gt 0 ]; then
  export SAM_CLI_TELEMETRY=0
  exec "$home/bin/sam" "$@"
fi
