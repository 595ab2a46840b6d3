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

audit() {
    local out code
    out=$("$bin/pip-audit" --progress-spinner off --disable-pip --no-deps -r requirements.txt 2>&1)
    code=$?
    if [ $code -ne 0 ] && ! grep -q '^Name ' <<<"$out"; then
        echo "not done: the vulnerability service cannot be reached ($(tail -n 1 <<<"$out" | cut -c1-160))"
        return 0
    fi
    printf '%s\n' "$out"
    return $code
}

check ruff "$bin/ruff" check .
check format "$bin/ruff" format --check .
check types "$bin/mypy"
check layers "$bin/lint-imports"
check vulnerabilities audit

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[*]}"
    exit 1
fi
echo "all checks passed"
