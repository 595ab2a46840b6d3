#!/usr/bin/env bash
# Debian packages that some tests use; without them those tests are skipped and say so. Never fails for want of rights.
set -u
cd "$(dirname "$0")/.."

missing=()
want() { # command or path, package
    command -v "$1" >/dev/null 2>&1 || compgen -G "$1" >/dev/null || missing+=("$2")
}
want chromium chromium
want chromedriver chromium-driver
want wrk wrk
want redis-server redis-server
want /usr/sbin/nginx nginx-light
want '/usr/lib/postgresql/*/bin/postgres' postgresql

if [ ${#missing[@]} -eq 0 ]; then
    echo "Debian packages: all there"
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Debian packages: no apt-get here; tests that use ${missing[*]} will be skipped"
    exit 0
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
export DEBIAN_FRONTEND=noninteractive
# The installation must not start a database server of the system's own.
if "${as_root[@]}" apt-get update -qq >/dev/null 2>&1 &&
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    echo "Debian packages: installed ${missing[*]}"
else
    echo "Debian packages: ${missing[*]} could not be installed; tests that use them will be skipped"
fi
