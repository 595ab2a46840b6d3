"""Repeated rows are found whatever chunks they stand in, and long integers are told apart."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from millrace.quality.base import Expectation
from millrace.quality.outcome import Table
from millrace.quality.uniqueness import judge_uniqueness
from millrace.tables.pandas_types import Known, frame_of

LONG = 2**53
values = st.one_of(st.none(), st.integers(0, 3), st.sampled_from([LONG, LONG + 1, LONG + 2, -LONG - 1, 2**63 - 1]))


@given(st.lists(values, min_size=1, max_size=12), st.integers(1, 5), st.booleans())
def test_repeats_are_found_across_chunks(keys: list[int | None], chunk: int, as_chunks: bool) -> None:
    column = pa.array(keys, pa.int64())
    known = {"k": Known.of(column)}

    def frames(_rows: int, _columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        for start in range(0, len(keys), chunk):
            part = pa.table({"k": column.slice(start, chunk)})
            # With dtypes of the whole table, as datasets have them, and with those of each chunk by itself.
            yield frame_of(part, None if as_chunks else known)

    expectation = Expectation.model_validate({"expect": "expect_column_values_to_be_unique", "column": "k"})
    outcome = judge_uniqueness(expectation, Table(len(keys), {"k": "int64"}, frames), chunk)
    known_keys = [(row, key) for row, key in enumerate(keys) if key is not None]
    repeats = [row for row, key in known_keys if any(key == other for before, other in known_keys if before < row)]
    assert list(outcome.positions) == repeats
