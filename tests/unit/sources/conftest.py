"""What the tests of the sources share: reading a source whole, with what it has to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from millrace.sources.base import Reading, Source
from millrace.sources.file import FileSource
from millrace.sources.reading import read_source


def _read(source: Source, **how: Any) -> tuple[pd.DataFrame, Reading]:
    reading = Reading(**how)
    frames = list(read_source(source, reading))
    dtypes = [frame.dtypes.astype(str).to_dict() for frame in frames]
    assert all(kinds == dtypes[0] for kinds in dtypes), "the dtypes must be the same in every frame"
    return pd.concat(frames, ignore_index=True), reading


@pytest.fixture(scope="session")
def read() -> Callable[..., tuple[pd.DataFrame, Reading]]:
    """Read a source whole."""
    return _read


@pytest.fixture(scope="session")
def read_text(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[pd.DataFrame, Reading]]:
    """Write content to a file and read it as a spec would."""
    folder = tmp_path_factory.mktemp("tables")

    def written_and_read(content: str | bytes, name: str = "table.csv", **spec: Any) -> tuple[pd.DataFrame, Reading]:
        how = spec.pop("how", {})
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return _read(FileSource.model_validate({"path": str(path), **spec}), **how)

    return written_and_read


@pytest.fixture
def table_path(tmp_path: Path) -> Callable[..., Path]:
    """Write content to a file of this name."""

    def written(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written
