#!/usr/bin/env bash
# Writes localstack/.env for compose.yaml: a password nobody has seen, and where the runtime interface emulator is.
# An .env that exists is left as it is: the database remembers its password.
set -euo pipefail
cd "$(dirname "$0")/.."

env=localstack/.env
if [ -e "$env" ]; then
  echo "$env exists already."
  exit 0
fi
scripts/sam.sh
case $(uname -m) in x86_64) kind=x86_64 ;; *) kind=arm64 ;; esac
rie=$(find "$PWD/.kadr/tools/sam" -name "aws-lambda-rie-$kind" -print -quit)
[ -n "$rie" ] || { echo "Error: the runtime interface emulator is not in .kadr/tools/sam." >&2; exit 1; }
umask 077
{
  echo "POSTGRES_PASSWORD=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  echo "KADR_RIE=$rie"
} >"$env"
echo "$env written."
