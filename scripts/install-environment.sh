#!/usr/bin/env bash
# Makes the virtual environment: install-environment.sh PYTHON VENV UV_VERSION
# uv does it in seconds; where uv cannot be had, pip does the same more slowly. Safe to repeat.
set -euo pipefail
python=$1 venv=$2 uv_version=$3
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "error: $python is missing or older than 3.11. Install Python 3.11 or newer, or name one: make setup PYTHON=python3.12"
    exit 1
fi
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    say "making $venv"
    "$python" -m venv --clear "$venv"
fi
if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" 2>/dev/null ||
        say "uv $uv_version cannot be installed; pip goes on alone, which takes some minutes"
fi

say "installing requirements.txt"
if [ -x "$venv/bin/uv" ]; then
    install=("$venv/bin/uv" pip install --quiet --python "$venv/bin/python")
    "${install[@]}" --compile-bytecode -r requirements.txt
else
    install=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
    "${install[@]}" -r requirements.txt
fi
"${install[@]}" --no-deps -e .
say "$venv is ready"
