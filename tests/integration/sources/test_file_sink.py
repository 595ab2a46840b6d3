"""The file sink: every format comes back as it was, and whatever ends a write early leaves what was there before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

from millrace.sources.base import Delivery
from millrace.sources.sinks.file import FileSink

DELIVERY = Delivery("p", "r", "v", None)
FRAME = pd.DataFrame({"id": ["a", "b", None], "n": [1, 2, 3], "x": [0.5, None, 2.5]})


def test_a_killed_write_shows_nothing_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("before\n")
    program = """
import os, signal, sys
import pandas as pd
from millrace.sources.base import Delivery
from millrace.sources.sinks import file_writing
from millrace.sources.sinks.file import FileSink

class Killed:
    def __init__(self, tables): self.tables = tables
    def __iter__(self):
        yield next(iter(self.tables))
        os.kill(os.getpid(), signal.SIGKILL)

plain = file_writing._WRITERS["csv"]
file_writing._WRITERS["csv"] = lambda tables, schema, path: plain(Killed(tables), schema, path)
frames = [pd.DataFrame({"n": range(1000)})] * 3
FileSink(path=sys.argv[1]).write(frames, Delivery("p", "r", "v", None))
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "out.csv")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "out.csv").read_text() == "before\n"
    assert FileSink(path=str(tmp_path / "out.csv")).write([FRAME], DELIVERY)["rows"] == 3
