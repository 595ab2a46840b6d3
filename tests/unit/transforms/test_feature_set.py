"""The point-in-time join against brute force: nothing from after a row's time ever reaches it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import TransformError
from millrace.transforms.as_of import as_of
from millrace.transforms.base import TransformContext
from millrace.transforms.feature_set import FeatureSetStep, FeatureTable

START = pd.Timestamp("2024-01-01", tz="UTC")
hours = st.one_of(st.none(), st.integers(0, 30))
keys = st.one_of(st.none(), st.sampled_from(["a", "b"]))
asked = st.lists(st.tuples(keys, hours), max_size=12)
known = st.lists(st.tuples(keys, hours, st.one_of(st.none(), st.integers(0, 99))), max_size=25)
spans = st.one_of(st.none(), st.integers(0, 12))


def moment(hour: int | None) -> pd.Timestamp:
    return pd.NaT if hour is None else START + pd.Timedelta(hours=hour)


def tables(rows: list, values: list) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.DataFrame(
        {
            "city": pd.Series([key for key, _ in rows], dtype=object),
            "at": pd.to_datetime([moment(h) for _, h in rows], utc=True),
        }
    )
    features = pd.DataFrame(
        {
            "city": pd.Series([key for key, *_ in values], dtype=object),
            "seen": pd.to_datetime([moment(h) for _, h, _ in values], utc=True),
            "heat": pd.Series([v for *_, v in values], dtype="float64"),
        }
    )
    return table, features


def joined(rows: list, values: list, max_age: int | None, delay: int, entity: list[str]) -> list[float | None]:
    table, features = tables(rows, values)
    if not entity:
        features = features.drop(columns="city")
    found = as_of(
        table, features, entity=entity, time="at", event_time="seen",
        max_age=None if max_age is None else timedelta(hours=max_age), known_after=timedelta(hours=delay),
    )  # fmt: skip
    assert list(found.columns) == ["heat"]
    return [None if pd.isna(value) else value for value in found["heat"]]


def brute_force(rows: list, values: list, max_age: int | None, delay: int, entity: list[str]) -> list[float | None]:
    found: list[float | None] = []
    for key, hour in rows:
        best: tuple[int, int] | None = None
        for place, (other, seen, _) in enumerate(values):
            if hour is None or seen is None or (entity and (key is None or key != other)):
                continue
            if seen + delay > hour or (max_age is not None and hour - seen > max_age):
                continue
            best = max(best or (seen, place), (seen, place))
        found.append(None if best is None else values[best[1]][2])
    return found


@given(asked, known, spans, st.integers(0, 3), st.sampled_from([["city"], []]))
def test_each_row_gets_what_brute_force_finds(
    rows: list, values: list, max_age: int | None, delay: int, entity: list[str]
) -> None:
    if max_age is not None:
        max_age += delay
    assert joined(rows, values, max_age, delay, entity) == brute_force(rows, values, max_age, delay, entity)


@given(asked, known, known, st.integers(0, 3))
def test_what_is_known_later_never_changes_a_row(rows: list, values: list, later: list, delay: int) -> None:
    end = max([hour for _, hour in rows if hour is not None], default=0)
    future = [(key, None if hour is None else end - delay + 1 + hour, value) for key, hour, value in later]
    before = joined(rows, values, None, delay, ["city"])
    assert joined(rows, [*future, *values], None, delay, ["city"]) == before
    assert joined(rows, [*values, *future], None, delay, ["city"]) == before


def context(features: pd.DataFrame) -> TransformContext:
    found = FeatureTable(features, ["city"], "seen", None, timedelta(0))
    return TransformContext(load_features=lambda name: found)


def step(**more: Any) -> FeatureSetStep:
    return FeatureSetStep.model_validate({"step": "feature_set", "name": "weather", "time": "at", **more})


def test_the_table_keeps_its_order_and_what_is_unknown_is_noted() -> None:
    table, features = tables([("b", 5), ("a", 3), ("c", 9)], [("a", 1, 10), ("b", 4, 20), ("b", 6, 30)])
    working = context(features)
    found = step(prefix="weather_").apply(table, working)
    assert list(found.columns) == ["city", "at", "weather_heat"]
    assert found["weather_heat"].tolist()[:2] == [20, 10]
    assert working.notes == ["The feature set 'weather' knew nothing of 1 of 3 rows at their time."]


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (lambda t: t.assign(city=1), {}, "the key 'city' holds whole numbers .* here and text"),
        (lambda t: t.assign(heat=1), {}, "would overwrite the column 'heat'"),
        (lambda t: t.assign(at="soon"), {}, "needs times, but the column 'at' holds text"),
        (lambda t: t.drop(columns="city"), {}, "names the column 'city'"),
        (lambda t: t, {"columns": ["heta"]}, "has no feature 'heta'. Did you mean 'heat'"),
    ],
)
def test_what_cannot_be_joined_is_told(change: Any, more: dict[str, Any], said: str) -> None:
    table, features = tables([("a", 3)], [("a", 1, 10)])
    with pytest.raises(TransformError, match=said):
        step(**more).apply(change(table), context(features))


@pytest.mark.parametrize("dtype", ["float64", "Int64"])
def test_whole_numbers_name_an_entity_beside_rows_that_name_none(dtype: str):
    table = pd.DataFrame({"id": pd.array([1, None, 2], dtype=dtype), "at": [START] * 3})
    features = pd.DataFrame({"id": [2, 1], "seen": [START] * 2, "heat": [2**53 + 1, 7]})
    found = as_of(table, features, entity=["id"], time="at", event_time="seen")
    assert found["heat"].tolist() == [7, pd.NA, 2**53 + 1]
