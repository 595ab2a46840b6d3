"""Which Great Expectations expectations a spec may name, and with which arguments.

A static table, so that reading a spec never imports Great Expectations; a test holds it against the installed one.
Left out: what needs a second data source or SQL, and `row_condition`, which pandas would evaluate as code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["rows", "series", "unique", "column", "table", "count"]
"""What must be seen at once: some rows; a column, row by row; all keys; a column as a whole; the columns; a count."""

_MOSTLY = ("mostly",)
_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_MULTI = ("mostly", "ignore_row_if")


@dataclass(frozen=True)
class Known:
    """One expectation: its scope, the arguments it must have, and those it may have."""

    scope: Scope
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    holds: Literal["any", "numbers", "text", "bounded"] = "any"
    """What its column must hold for the question to make sense; `bounded`: whatever its bounds are."""

    @property
    def has_rows(self) -> bool:
        """Whether a failure can be laid on single rows, which can then be quarantined."""
        return self.scope in {"rows", "series", "unique"}


def _column(*required: str, optional: tuple[str, ...] = (), scope: Scope = "rows", holds: str = "any") -> Known:
    every = optional if scope == "column" else (*_MOSTLY, *optional)
    return Known(scope, ("column", *required), every, holds)  # type: ignore[arg-type]


_AGGREGATE = _column(scope="column", optional=_BOUNDS)
_NUMERIC = _column(scope="column", optional=_BOUNDS, holds="numbers")

KNOWN: dict[str, Known] = {
    "expect_column_values_to_not_be_null": _column(),
    "expect_column_values_to_be_null": _column(),
    "expect_column_values_to_be_between": _column(optional=_BOUNDS, holds="bounded"),
    "expect_column_values_to_be_in_set": _column("value_set"),
    "expect_column_values_to_not_be_in_set": _column("value_set"),
    "expect_column_values_to_be_of_type": _column("type_"),
    "expect_column_values_to_be_in_type_list": _column("type_list"),
    "expect_column_value_lengths_to_be_between": _column(optional=_BOUNDS, holds="text"),
    "expect_column_value_lengths_to_equal": _column("value", holds="text"),
    "expect_column_values_to_match_regex": _column("regex", holds="text"),
    "expect_column_values_to_not_match_regex": _column("regex", holds="text"),
    "expect_column_values_to_match_regex_list": _column("regex_list", optional=("match_on",), holds="text"),
    "expect_column_values_to_not_match_regex_list": _column("regex_list", holds="text"),
    "expect_column_values_to_match_strftime_format": _column("strftime_format", holds="text"),
    "expect_column_values_to_be_dateutil_parseable": _column(holds="text"),
    "expect_column_values_to_be_json_parseable": _column(holds="text"),
    "expect_column_values_to_match_json_schema": _column("json_schema", holds="text"),
    "expect_column_value_z_scores_to_be_less_than": _column(
        "threshold", "double_sided", scope="series", holds="numbers"
    ),
    "expect_column_values_to_be_increasing": _column(optional=("strictly",), scope="series", holds="numbers"),
    "expect_column_values_to_be_decreasing": _column(optional=("strictly",), scope="series", holds="numbers"),
    "expect_column_values_to_be_unique": _column(scope="unique"),
    "expect_compound_columns_to_be_unique": Known("unique", ("column_list",), _MULTI),
    "expect_select_column_values_to_be_unique_within_record": Known("rows", ("column_list",), _MULTI),
    "expect_multicolumn_sum_to_equal": Known("rows", ("column_list", "sum_total"), _MULTI, "numbers"),
    "expect_column_pair_values_to_be_equal": Known("rows", ("column_A", "column_B"), _MULTI),
    "expect_column_pair_values_a_to_be_greater_than_b": Known("rows", ("column_A", "column_B"), (*_MULTI, "or_equal")),
    "expect_column_pair_values_to_be_in_set": Known("rows", ("column_A", "column_B", "value_pairs_set"), _MULTI),
    "expect_column_max_to_be_between": _AGGREGATE,
    "expect_column_min_to_be_between": _AGGREGATE,
    "expect_column_mean_to_be_between": _NUMERIC,
    "expect_column_median_to_be_between": _NUMERIC,
    "expect_column_stdev_to_be_between": _NUMERIC,
    "expect_column_sum_to_be_between": _NUMERIC,
    "expect_column_quantile_values_to_be_between": _column("quantile_ranges", scope="column", holds="numbers"),
    "expect_column_proportion_of_unique_values_to_be_between": _AGGREGATE,
    "expect_column_proportion_of_non_null_values_to_be_between": _AGGREGATE,
    "expect_column_unique_value_count_to_be_between": _AGGREGATE,
    "expect_column_most_common_value_to_be_in_set": _column("value_set", optional=("ties_okay",), scope="column"),
    "expect_column_distinct_values_to_be_in_set": _column("value_set", scope="column"),
    "expect_column_distinct_values_to_contain_set": _column("value_set", scope="column"),
    "expect_column_distinct_values_to_equal_set": _column("value_set", scope="column"),
    "expect_column_to_exist": Known("table", ("column",), ("column_index",)),
    "expect_table_column_count_to_be_between": Known("table", (), ("min_value", "max_value")),
    "expect_table_column_count_to_equal": Known("table", ("value",)),
    "expect_table_columns_to_match_ordered_list": Known("table", ("column_list",)),
    "expect_table_columns_to_match_set": Known("table", ("column_set",), ("exact_match",)),
    "expect_table_row_count_to_be_between": Known("count", (), _BOUNDS),
    "expect_table_row_count_to_equal": Known("count", ("value",)),
}
