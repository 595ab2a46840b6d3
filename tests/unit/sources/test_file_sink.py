"""The file sink: every format comes back as it was, and whatever ends a write early leaves what was there before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.errors import SinkError
from millrace.sources.base import Delivery, Reading
from millrace.sources.file import FileSource
from millrace.sources.reading import read_table
from millrace.sources.sinks.file import FileSink

DELIVERY = Delivery("p", "r", "v", None)
FRAME = pd.DataFrame({"id": ["a", "b", None], "n": [1, 2, 3], "x": [0.5, None, 2.5]})


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_what_is_written_reads_back(tmp_path: Path, name: str) -> None:
    sink = FileSink(path=str(tmp_path / "new" / name))
    assert sink.write([FRAME, FRAME], DELIVERY) == {
        "type": "file", "target": str(tmp_path / "new" / name), "rows": 6, "files": 1,
    }  # fmt: skip
    back = read_table(FileSource(path=str(tmp_path / "new" / name)), Reading(text_columns=frozenset({"id"})))
    wanted = pd.concat([FRAME, FRAME], ignore_index=True)
    pd.testing.assert_frame_equal(back, wanted, check_dtype=False)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@examples(25)
@given(st.lists(st.integers(0, 2_500), min_size=1, max_size=4))
def test_parts_have_the_rows_in_order_however_they_came(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("parts") / "out"
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    frames = [pd.DataFrame({"n": range(start, start + size)}) for start, size in zip(starts, sizes, strict=True)]
    done = FileSink(path=str(folder), rows_per_file=1_000).write(frames, DELIVERY)
    parts = [pd.read_parquet(path) for path in sorted(folder.glob("part-*"))]
    assert [n for part in parts for n in part.get("n", [])] == list(range(sum(sizes)))
    assert all(len(part) == 1_000 for part in parts[:-1])
    assert json.loads((folder / "_millrace.json").read_text()) == {"rows": done["rows"], "files": done["files"]}


@pytest.mark.parametrize("options", [{"path": "out.csv"}, {"path": "out", "rows_per_file": 1_000}])
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, options: dict[str, object]) -> None:
    sink = FileSink(**{**options, "path": str(tmp_path / str(options["path"]))})
    sink.write([FRAME], DELIVERY)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def broken() -> Iterator[pd.DataFrame]:
        yield FRAME
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        sink.write(broken(), DELIVERY)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="not known from its extension"):
        FileSink(path="out.dat")
    with pytest.raises(SinkError, match="is a folder"):
        FileSink(path=str(tmp_path), format="csv").write([FRAME], DELIVERY)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="is a file"):
        FileSink(path=str(tmp_path / "file"), rows_per_file=1_000).write([FRAME], DELIVERY)
    mixed = [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": ["x"]})]
    with pytest.raises(SinkError, match="two kinds"):
        FileSink(path=str(tmp_path / "out.csv")).write(mixed, DELIVERY)
