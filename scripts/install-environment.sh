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

# uv does not read pip's settings; whoever set them for pip means them for uv too.
pip_setting() { "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true; }
adopt() { # uv's variable, pip's variable, pip's setting
    local value=${!1:-${!2:-$(pip_setting "$3")}}
    [ -z "$value" ] || export "$1=$value"
}
adopt UV_DEFAULT_INDEX PIP_INDEX_URL index-url
adopt UV_INDEX PIP_EXTRA_INDEX_URL extra-index-url
adopt UV_FIND_LINKS PIP_FIND_LINKS find-links
adopt SSL_CERT_FILE PIP_CERT cert
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match}

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
