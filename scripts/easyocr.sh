#!/usr/bin/env bash
# Installs the package easyocr into .kadr/tools/easyocr, beside the main environment. Kadr runs EasyOCR's networks
# without it; the tests and the benchmarks compare with it. What the main environment has (torch, numpy, OpenCV,
# shapely, pyclipper, Pillow, PyYAML) is used from there: put this folder behind it on PYTHONPATH.
#
#   scripts/easyocr.sh        install, if it is not there
set -euo pipefail
cd "$(dirname "$0")/.."

# torchvision has no CPU build on the package index; the one there goes with torch 2.13.0 as far as EasyOCR uses
# it once its missing operators have been declared (tests/models/easyocr/package.py).
packages=(
  easyocr==1.7.2 torchvision==0.28.0
  imageio==2.38.1 lazy-loader==0.6 networkx==3.6.1 ninja==1.13.2 python-bidi==0.6.12 scikit-image==0.26.0
  scipy==1.17.1 tifffile==2026.3.3
)
home=.kadr/tools/easyocr
log=.kadr/logs/easyocr.log
mkdir -p .kadr/logs .kadr/tools

if [ "$(cat "$home/.version" 2>/dev/null)" != "${packages[*]}" ]; then
  python=${KADR_VENV:-.venv}/bin/python
  [ -x "$python" ] || python=$(command -v python3.11 || command -v python3.12 || command -v python3)
  echo "==> installing ${packages[0]} beside the environment (half a minute; log: $log)"
  rm -rf "$home"
  if ! "$python" -m pip install --disable-pip-version-check --no-input --no-compile --no-deps --target "$home" \
    "${packages[@]}" >"$log" 2>&1; then
    echo "Error: it could not be installed; the end of $log says:" >&2
    tail -5 "$log" >&2
    exit 1
  fi
  echo "${packages[*]}" >"$home/.version"
fi
