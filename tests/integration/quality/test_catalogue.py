"""The catalogue says what the installed Great Expectations says, and a spec is held to it."""

import pandas as pd
import pytest

from millrace.quality.base import Expectation
from millrace.quality.catalogue import KNOWN
from millrace.quality.docs import render_docs
from millrace.quality.outcome import Table
from millrace.quality.runner import run_expectations

FRAME = pd.DataFrame(
    {
        "n": [1.0, 2.0, 3.0],
        "twice": [1.0, 1.0, 2.0],
        "same": [0.0, 0.0, 0.0],
        "m": [1.0, 2.0, 4.0],
        "s": ["2024-01-01", "2024-01-02", "2024-01-03"],
        "j": ['{"a": 1}', '{"a": 2}', '{"a": 3}'],
    }
)
TYPES = {"n": "double", "twice": "double", "same": "double", "m": "double", "s": "string", "j": "string"}
GOOD: dict[str, dict[str, object]] = {
    "expect_column_values_to_be_null": {"mostly": 0.0001, "success": False},
    "expect_column_values_to_be_between": {"min_value": 1, "max_value": 3},
    "expect_column_values_to_be_in_set": {"value_set": [1, 2, 3]},
    "expect_column_values_to_not_be_in_set": {"value_set": [9]},
    "expect_column_values_to_be_of_type": {"type_": "float64"},
    "expect_column_values_to_be_in_type_list": {"type_list": ["float64", "int64"]},
    "expect_column_value_lengths_to_be_between": {"column": "s", "min_value": 10, "max_value": 10},
    "expect_column_value_lengths_to_equal": {"column": "s", "value": 10},
    "expect_column_values_to_match_regex": {"column": "s", "regex": "^2024-"},
    "expect_column_values_to_not_match_regex": {"column": "s", "regex": "^2023-"},
    "expect_column_values_to_match_regex_list": {"column": "s", "regex_list": ["^2024-", "^2"], "match_on": "all"},
    "expect_column_values_to_not_match_regex_list": {"column": "s", "regex_list": ["^2023-"]},
    "expect_column_values_to_match_strftime_format": {"column": "s", "strftime_format": "%Y-%m-%d"},
    "expect_column_values_to_be_dateutil_parseable": {"column": "s"},
    "expect_column_values_to_be_json_parseable": {"column": "j"},
    "expect_column_values_to_match_json_schema": {"column": "j", "json_schema": {"type": "object"}},
    "expect_column_value_z_scores_to_be_less_than": {"threshold": 3, "double_sided": True},
    "expect_column_values_to_be_decreasing": {"success": False},
    "expect_compound_columns_to_be_unique": {"column_list": ["n", "s"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["s", "j"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["n", "m"], "sum_total": 2, "success": False},
    "expect_column_pair_values_to_be_equal": {"column_A": "n", "column_B": "n"},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "m", "column_B": "n", "or_equal": True},
    "expect_column_pair_values_to_be_in_set": {
        "column_A": "n",
        "column_B": "m",
        "value_pairs_set": [[1, 1], [2, 2], [3, 4]],
    },
    "expect_column_max_to_be_between": {"min_value": 3, "max_value": 3},
    "expect_column_min_to_be_between": {"min_value": 1, "max_value": 1},
    "expect_column_mean_to_be_between": {"min_value": 2, "max_value": 2},
    "expect_column_median_to_be_between": {"min_value": 2, "max_value": 2},
    "expect_column_stdev_to_be_between": {"min_value": 1, "max_value": 1},
    "expect_column_sum_to_be_between": {"min_value": 6, "max_value": 6},
    "expect_column_quantile_values_to_be_between": {
        "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 2]]},
    },
    "expect_column_proportion_of_unique_values_to_be_between": {"min_value": 1},
    "expect_column_proportion_of_non_null_values_to_be_between": {"min_value": 1},
    "expect_column_unique_value_count_to_be_between": {"min_value": 3, "max_value": 3},
    "expect_column_most_common_value_to_be_in_set": {"value_set": [1, 2, 3], "ties_okay": True},
    "expect_column_distinct_values_to_be_in_set": {"value_set": [1, 2, 3, 4]},
    "expect_column_distinct_values_to_contain_set": {"value_set": [1, 2]},
    "expect_column_distinct_values_to_equal_set": {"value_set": [1, 2, 3]},
    "expect_table_column_count_to_be_between": {"min_value": 6, "max_value": 6},
    "expect_table_column_count_to_equal": {"value": 6},
    "expect_table_columns_to_match_ordered_list": {"column_list": ["n", "twice", "same", "m", "s", "j"]},
    "expect_table_columns_to_match_set": {"column_set": ["s", "n", "m", "j", "twice", "same"]},
    "expect_table_row_count_to_be_between": {"min_value": 3, "max_value": 3},
    "expect_table_row_count_to_equal": {"value": 3},
}

BAD: dict[str, dict[str, object]] = {
    "expect_column_values_to_be_between": {"max_value": 2},
    "expect_column_values_to_be_in_set": {"value_set": [1]},
    "expect_column_values_to_be_of_type": {"type_": "int64"},
    "expect_column_value_lengths_to_equal": {"value": 9},
    "expect_column_values_to_match_regex": {"regex": "x"},
    "expect_column_values_to_match_strftime_format": {"strftime_format": "%Y"},
    "expect_column_value_z_scores_to_be_less_than": {"threshold": 0.1},
    "expect_column_values_to_be_unique": {"column": "twice"},
    "expect_compound_columns_to_be_unique": {"column_list": ["twice", "same"]},
    "expect_column_pair_values_to_be_equal": {"column_B": "m"},
    "expect_column_max_to_be_between": {"max_value": 2, "min_value": None},
    "expect_column_mean_to_be_between": {"min_value": 3, "max_value": 4},
    "expect_column_distinct_values_to_equal_set": {"value_set": [1]},
    "expect_column_most_common_value_to_be_in_set": {"value_set": [9]},
    "expect_column_to_exist": {"column": "absent"},
    "expect_table_columns_to_match_set": {"column_set": ["n"]},
    "expect_table_row_count_to_equal": {"value": 4},
}


def frames(rows: int, columns: list[str] | None = None):
    for start in range(0, len(FRAME), rows):
        yield FRAME.iloc[start : start + rows][columns or list(FRAME)].reset_index(drop=True)


def test_every_entry_is_what_great_expectations_says():
    import great_expectations.expectations as gxe

    classes = {getattr(gxe, name) for name in dir(gxe) if name.startswith("Expect")}
    fields = {getattr(kind, "expectation_type", ""): kind.__fields__ for kind in classes}
    for name, known in KNOWN.items():
        required = {field for field, model in fields[name].items() if model.required}
        assert required <= set(known.required), name
        assert {*known.required, *known.optional} <= set(fields[name]), name


def test_data_docs_render_every_entry_good_or_bad(caplog: pytest.LogCaptureFixture):
    bad = {name: {**GOOD.get(name, {}), **BAD.get(name, {})} for name in KNOWN}
    rules = []
    for name, known in KNOWN.items():
        bad[name].pop("success", None)
        rules.append(
            Expectation(expect=name, **{**({"column": "n"} if "column" in known.required else {}), **bad[name]})
        )
    outcomes = run_expectations(rules, Table(len(FRAME), TYPES, frames), 2)
    assert sum(not outcome.result.success for outcome in outcomes) > len(BAD) / 2
    page = render_docs("demo", "run-1", outcomes).decode()
    assert page.count("expect") > len(KNOWN)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_every_entry_can_be_judged_in_chunks_of_any_size(chunk: int):
    table = Table(len(FRAME), TYPES, frames)
    expectations, wanted = [], []
    for name, known in KNOWN.items():
        arguments = dict(GOOD.get(name, {}))
        wanted.append(arguments.pop("success", True))
        if "column" in known.required:
            arguments.setdefault("column", "n")
        expectations.append(Expectation(expect=name, **arguments))
    outcomes = run_expectations(expectations, table, chunk)
    assert [(o.result.expect, o.result.success) for o in outcomes] == list(zip(KNOWN, wanted, strict=True))
    assert all(outcome.result.message.endswith(".") for outcome in outcomes)
