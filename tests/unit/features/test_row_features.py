"""Feature steps: what they compute, and that a table, a batch and one row agree."""

from __future__ import annotations

# ruff: noqa: DTZ001 - naive times are what is tested
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from millrace.errors import TransformError
from millrace.features import STEPS
from millrace.features.columns import as_kind, kind_of
from millrace.features.row_features import RowFeatures
from millrace.strict import by_name

STEP_DOCUMENTS = [
    {"step": "calendar", "column": "at", "parts": ["hour", "quarter_hour", "dayofweek", "month", "year", "is_weekend"]},
    {"step": "calendar", "column": "at", "parts": ["minute", "dayofyear"], "cyclic": True},
    {"step": "ratio", "left": "a", "right": "b"},
    {"step": "difference", "left": "a", "right": "b", "as": "gap"},
    {"step": "interaction", "left": "a", "right": "gap"},
    {"step": "polynomial", "column": "a", "degree": 3},
    {"step": "log1p", "columns": ["b"], "drop": True},
    {"step": "bin", "column": "a", "edges": [-1, 0, 10]},
    {"step": "cyclic", "column": "a", "period": 360},
    {"step": "missing_flag", "columns": ["a", "word", "at"]},
    {"step": "text_length", "column": "word"},
]
number = st.one_of(st.none(), st.floats(-1e6, 1e6), st.floats(allow_nan=False, allow_infinity=False))
moment = st.one_of(st.none(), st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2100, 1, 1)))
word = st.one_of(st.none(), st.text(max_size=8))
ROWS = st.lists(st.tuples(number, number, moment, word, st.sampled_from([True, False, None])), min_size=1, max_size=20)


def frame_of(rows: list[tuple]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True))
    return pd.DataFrame(
        {
            "a": pd.array(columns[0], dtype="Float64"),
            "b": np.array(columns[1], dtype="float64"),
            "at": pd.to_datetime(pd.Series(columns[2]), utc=True),
            "word": pd.Series(columns[3], dtype=object),
            "flag": pd.array(columns[4], dtype="boolean"),
        }
    )


def typed(features: RowFeatures, columns: dict[str, list]) -> dict[str, np.ndarray]:
    return {name: as_kind(name, columns[name], kind) for name, kind in features.inputs_.items()}


def test_every_step_is_exercised_here() -> None:
    assert {document["step"] for document in STEP_DOCUMENTS} == set(by_name(STEPS, "step"))


@examples(60)
@given(ROWS)
def test_a_table_a_batch_and_single_rows_give_the_same_features(rows: list[tuple]) -> None:
    frame = frame_of(rows)
    features = RowFeatures(STEP_DOCUMENTS).fit(frame)
    table = features.transform(frame)
    plain = {
        "a": [r[0] for r in rows],
        "b": [r[1] for r in rows],
        "at": [None if r[2] is None else r[2].isoformat() + "Z" for r in rows],
        "word": [r[3] for r in rows],
        "flag": [r[4] for r in rows],
    }
    batch = features.transform_typed(typed(features, plain))
    assert list(batch) == list(table.columns) == list(features.get_feature_names_out())
    single = [
        features.transform_typed(typed(features, {name: [values[row]] for name, values in plain.items()}))
        for row in range(len(rows))
    ]
    for name, values in batch.items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
        np.testing.assert_array_equal(values, np.array([row[name][0] for row in single], dtype=values.dtype))
        assert values.dtype.kind != "f" or not np.isinf(values).any()


@examples(100)
@given(st.lists(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)), min_size=1, max_size=10))
def test_calendar_parts_are_those_of_pandas(times: list[dt.datetime]) -> None:
    parts = ["minute", "hour", "dayofweek", "day", "dayofyear", "month", "quarter", "year"]
    frame = pd.DataFrame({"t": pd.to_datetime(pd.Series(times)).astype("datetime64[ns]")})
    made = RowFeatures([{"step": "calendar", "column": "t", "parts": parts}]).fit(frame).transform(frame)
    for part in parts:
        assert made[f"t_{part}"].tolist() == getattr(frame["t"].dt, part).astype(float).tolist()


def test_values_of_the_arithmetic_steps() -> None:
    frame = pd.DataFrame({"a": [1.0, 8.0, np.nan], "b": [2.0, 0.0, 1.0]})
    steps = [
        {"step": "ratio", "left": "a", "right": "b"},
        {"step": "bin", "column": "a", "edges": [1, 5]},
        {"step": "log1p", "columns": ["b"], "drop": True},
    ]
    made = RowFeatures(steps).fit(frame).transform(frame)
    assert made["a_per_b"].tolist()[0] == 0.5
    assert made["a_per_b"].isna().tolist() == [False, True, True]
    assert made["a_bin"].tolist()[:2] == [1.0, 2.0]
    assert "b" not in made
    assert made["b_log1p"].tolist() == pytest.approx([np.log(3), 0.0, np.log(2)])


def test_texts_with_times_are_read_and_mixed_offsets_are_brought_to_utc() -> None:
    frame = pd.DataFrame({"t": ["2024-01-06T23:30:00+01:00", "2024-01-07T00:30:00+02:00", None]})
    made = (
        RowFeatures([{"step": "calendar", "column": "t", "parts": ["hour", "is_weekend"]}]).fit(frame).transform(frame)
    )
    assert made["t_hour"].tolist()[:2] == [22.0, 22.0]
    assert made["t_is_weekend"].tolist()[:2] == [1.0, 1.0]
    assert made["t_hour"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([1, None], dtype="Int64"), "number"),
        (pd.Series([True, None], dtype=object), "boolean"),
        (pd.Series([dt.date(2024, 1, 1)]), "time"),
        (pd.Series(["a", None]), "text"),
        (pd.Series(["x", "y"]).astype("category"), "text"),
        (pd.Series([3, 4]).astype("category"), "number"),
    ],
)
def test_kinds_of_columns(column: pd.Series, kind: str) -> None:
    assert kind_of(column) == kind
    assert len(as_kind("c", column, kind_of(column))) == len(column)


def test_an_unknown_column_of_a_step_is_named_with_the_nearest() -> None:
    with pytest.raises(TransformError, match=r"'tempp'.*Did you mean 'temp'"):
        RowFeatures([{"step": "polynomial", "column": "tempp"}]).fit(pd.DataFrame({"temp": [1.0]}))


def test_a_missing_input_and_a_text_for_a_number_are_refused_by_name() -> None:
    features = RowFeatures().fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    with pytest.raises(TransformError, match="'b'"):
        features.transform(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(TransformError, match="'a' cannot be read as a number"):
        typed(features, {"a": ["hot"], "b": [1]})


def test_numbers_are_no_times() -> None:
    frame = pd.DataFrame({"t": [1.0]})
    with pytest.raises(TransformError, match="calendar"):
        RowFeatures([{"step": "calendar", "column": "t"}]).fit(frame).transform(frame)


def test_it_survives_cloning_and_storing() -> None:
    import skops.io

    frame = pd.DataFrame({"a": [1.0, 2.0], "w": ["x", None]})
    fitted = RowFeatures([{"step": "polynomial", "column": "a"}]).fit(frame)
    expected = fitted.transform(frame)
    stored = skops.io.loads(skops.io.dumps(fitted), trusted=["millrace.features.row_features.RowFeatures"])
    pd.testing.assert_frame_equal(stored.transform(frame), expected)
    assert clone(fitted).get_params() == fitted.get_params()
    assert expected["w"].tolist() == ["x", ""]


def test_times_with_and_without_fractions_of_a_second_stand_side_by_side() -> None:
    texts = np.array(["2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000001Z"])
    assert as_kind("at", texts, "time").tolist() == as_kind("at", texts.astype(object), "time").tolist()
