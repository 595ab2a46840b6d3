"""FLAML and AutoGluon on the same rows, each in an environment of its own that is installed when it is first asked for.

An environment that cannot be installed is skipped, with the reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

HOME = Path(os.environ.get("MILLRACE_RIVALS", Path.home() / ".cache" / "millrace-rivals"))
NEEDS = {
    "flaml": ["flaml[automl]>=2.7,<3", "pandas<3", "scikit-learn<1.8", "pyarrow"],
    "autogluon": ["autogluon.tabular[lightgbm,catboost,xgboost]>=1.4,<2", "pyarrow"],
}
PATIENCE = 900


@dataclass(frozen=True)
class Answer:
    """The predictions for the held-out rows, or why there are none."""

    values: list[object] | None
    reason: str = ""


def ask(name: str, train: pd.DataFrame, test: pd.DataFrame, task: str, metric: str, seconds: float) -> Answer:
    """Let one of them learn for so many seconds on all cores, and predict the held-out rows."""
    try:
        python = _environment(name)
        with tempfile.TemporaryDirectory() as folder:
            return _asked(python, Path(folder), name, (train, test), [task, metric, str(seconds)])
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        told = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        return Answer(None, f"{name}: {told[-1] if told else type(error).__name__}"[:200])


def _asked(
    python: Path, folder: Path, name: str, frames: tuple[pd.DataFrame, pd.DataFrame], words: list[str]
) -> Answer:
    for part, frame in zip(("train", "test"), frames, strict=True):
        frame.to_parquet(folder / f"{part}.parquet")
    script = str(Path(__file__).with_name("rival_fit.py"))
    seconds = float(words[-1])
    command = [str(python), script, name, str(folder), *words]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE + 3 * seconds, cwd=folder)
    return Answer(json.loads((folder / "predictions.json").read_text()))


def _environment(name: str) -> Path:
    """The interpreter of a rival's environment; installed now where it is not there."""
    folder = HOME / name
    done = folder / "installed"
    if not done.is_file():
        uv = str(Path(sys.executable).parent / "uv")
        base = ["--python", sys.executable]
        for command in (
            [uv, "venv", "-q", "--clear", *base, str(folder)],
            [uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *NEEDS[name]],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        done.touch()
    return folder / "bin" / "python"
