"""Looks up known vulnerabilities of the locked packages; exit code 1 when there are some.

Where the service cannot be reached, or knows none of the packages, it says so and does not fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Audit requirements.txt with pip-audit."""
    program = Path(sys.executable).parent / "pip-audit"
    options = ("--disable-pip", "--no-deps", "--progress-spinner", "off", "--timeout", "10", "--format", "json")
    ran = subprocess.run(  # noqa: S603 - our own program
        [program, *options, "-r", "requirements.txt"], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _say(f"not done: {(ran.stderr.strip().splitlines() or ['pip-audit said nothing'])[-1][:200]}", 0)
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return _say("not done: the vulnerability service cannot be reached, or knows none of the packages", 0)
    known = [(package, fault) for package in audited for fault in package["vulns"]]
    for package, fault in known:
        fixed = ", ".join(fault["fix_versions"]) or "no version yet"
        _say(f"{package['name']} {package['version']}: {fault['id']}, fixed in {fixed}", 0)
    return _say(f"{len(audited)} of {len(packages)} packages looked up, {len(known)} vulnerabilities", bool(known))


def _say(sentence: str, code: int) -> int:
    sys.stdout.write(f"{sentence}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
