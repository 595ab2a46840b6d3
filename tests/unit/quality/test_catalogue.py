"""The catalogue says what the installed Great Expectations says, and a spec is held to it."""

import pytest
from pydantic import ValidationError

from millrace.quality.base import Expectation


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"expect": "expect_column_values_to_be_betwen", "column": "n"}, "Did you mean 'expect_column_values_to_be_be"),
        ({"expect": "expect_column_values_to_not_be_null", "colum": "n"}, "Did you mean 'column'"),
        ({"expect": "expect_column_values_to_not_be_null"}, "needs 'column'"),
        ({"expect": "expect_column_values_to_be_between", "column": "n"}, "'min_value', 'max_value' or both"),
        ({"expect": "expect_column_values_to_not_be_null", "column": "n", "mostly": 95}, "no share"),
        ({"expect": "expect_column_values_to_be_in_set", "column": "n", "value_set": "ab"}, "no list"),
        ({"expect": "expect_compound_columns_to_be_unique", "column_list": ["a"]}, "at least two columns"),
        (
            {"expect": "expect_compound_columns_to_be_unique", "column_list": ["a", "b"], "ignore_row_if": "nevr"},
            "Did you mean 'never'",
        ),
        ({"expect": "expect_column_values_to_not_be_null", "column": 5}, "no column name"),
        (
            {"expect": "expect_table_row_count_to_equal", "value": 3, "on_failure": "quarantine"},
            "no rows can be quarantined",
        ),
        (
            {"expect": "expect_column_values_to_not_be_null", "column": "n", "row_condition": "n > 1"},
            "no argument",
        ),
    ],
)
def test_a_wrong_expectation_is_refused_when_the_spec_is_read(written: dict[str, object], sentence: str):
    with pytest.raises(ValidationError, match=sentence):
        Expectation.model_validate(written)
