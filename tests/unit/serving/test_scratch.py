"""A folder for a while is there while its owner lives, and is swept up when its owner was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from serving.runtime import scratch
from serving.runtime.scratch import Scratch, sweep

OWNER = """
import sys
from pathlib import Path
from serving.runtime.scratch import Scratch
made = Scratch(Path(sys.argv[1]))
(made.path / "model").write_text("content")
print(made.path, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_swept_up_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "_SETTLED_SECONDS", -1.0)
    (tmp_path / "mill-flow" / "3").mkdir(parents=True)
    mine = Scratch(tmp_path / "mill-flow")
    argv = [sys.executable, "-c", OWNER, str(tmp_path)]
    owner = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    theirs = Path(owner.stdout.readline().strip())
    sweep(tmp_path)
    assert (theirs / "model").is_file()
    owner.kill()
    owner.communicate()
    sweep(tmp_path)
    assert not theirs.exists()
    assert mine.path.is_dir()
    assert (tmp_path / "mill-flow" / "3").is_dir()
    mine.remove()
    mine.remove()
    assert not mine.path.exists()


def test_a_young_folder_is_left_to_its_owner(tmp_path):
    (tmp_path / ".scratch-just-made").mkdir()
    sweep(tmp_path)
    sweep(tmp_path / "absent")
    assert (tmp_path / ".scratch-just-made").is_dir()


def test_a_folder_that_was_moved_to_its_place_stays(tmp_path):
    made = Scratch(tmp_path)
    made.path.rename(tmp_path / "3")
    made.remove()
    assert (tmp_path / "3").is_dir()
