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
        say "uv $uv_version cannot be installed"
fi

export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}

with_uv() {
    [ -x "$venv/bin/uv" ] || return 1
    local install=("$venv/bin/uv" pip install --quiet --python "$venv/bin/python")
    "${install[@]}" --compile-bytecode -r requirements.txt && "${install[@]}" --no-deps -e .
}
with_pip() {
    local install=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
    "${install[@]}" -r requirements.txt && "${install[@]}" --no-deps -e .
}

say "installing requirements.txt"
with_uv || { say "going on with pip alone, which takes some minutes"; with_pip; }
say "$venv is ready"
