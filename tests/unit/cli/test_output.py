"""Results stand alone on standard output."""

from __future__ import annotations

import subprocess
import sys

from millrace.cli.output import as_columns

CHATTER = """
import os, subprocess, sys
from millrace.cli.output import print_json, print_text, results_only_on_stdout
with results_only_on_stdout() as out:
    print("from python")
    os.write(1, b"from the descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print_json({"a": 1}, out)
print_text("afterwards")
"""


def test_chatter_of_every_kind_goes_to_standard_error() -> None:
    outcome = subprocess.run([sys.executable, "-c", CHATTER], capture_output=True, text=True, timeout=60, check=True)
    assert outcome.stdout == '{\n  "a": 1\n}\nafterwards\n'
    assert set(outcome.stderr.splitlines()) == {"from python", "from the descriptor", "from a child"}


def test_columns_are_aligned_and_missing_values_shown() -> None:
    assert as_columns(["a", "long"], [["x", None], ["wide", 2]]) == "a     long\nx     -\nwide  2"
