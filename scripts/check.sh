#!/usr/bin/env bash
# Every static check, all of them even when one fails: check.sh BIN
set -u
bin=$1
cd "$(dirname "$0")/.."
failed=()

check() {
    local name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed+=("$name")
}

check ruff "$bin/ruff" check .
check format "$bin/ruff" format --check .
check types "$bin/mypy"
check layers "$bin/lint-imports"
check vulnerabilities "$bin/python" scripts/audit.py

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[*]}"
    exit 1
fi
echo "all checks passed"
