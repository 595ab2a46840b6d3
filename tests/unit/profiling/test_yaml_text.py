"""Whatever is written in flow style is read back as the same data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.profiling.yaml_text import flow
from millrace.spec.document import parse_document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = TEXTS | st.integers(-(2**53), 2**53) | st.booleans() | st.none() | st.floats(-1e9, 1e9, allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=8
)


@given(VALUES)
def test_flow_is_read_back_as_it_was(value: object) -> None:
    assert parse_document(f"value: {flow(value)}").data == {"value": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("PT08.S1(CO)", "PT08.S1(CO)"),
        ("Day of the week", "Day of the week"),
        ("No", '"No"'),
        ("1e5", '"1e5"'),
        (";", '";"'),
        ("Größe", '"Größe"'),
        (85.0, "85"),
        (0.25, "0.25"),
        ({"sep": ";", "na_values": [-200]}, '{sep: ";", na_values: [-200]}'),
    ],
)
def test_flow_quotes_only_what_needs_it(value: object, text: str) -> None:
    assert flow(value) == text
