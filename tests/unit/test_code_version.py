"""The name of the code that runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import millrace
from millrace.code_version import code_version


def test_release_and_hash() -> None:
    assert re.fullmatch(re.escape(millrace.__version__) + r"\+[0-9a-f]{12}", code_version())


def test_any_change_of_the_source_changes_it(tmp_path: Path) -> None:
    copy = tmp_path / "millrace"
    shutil.copytree(Path(millrace.__file__).parent, copy)

    def version() -> str:
        program = "from millrace.code_version import code_version; print(code_version())"
        environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    before = version()
    assert version() == before
    (copy / "errors.py").write_text((copy / "errors.py").read_text() + "\n")
    assert version() != before
