"""Says in one sentence what an expectation found: `Day of the week: 2 of 2,977 values are not in the set (…)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from millrace.quality.base import Expectation
from millrace.quality.outcome import EXAMPLES
from millrace.quality.values import plain

Arguments = dict[str, Any]


def _bounds(arguments: Arguments) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and high is not None:
        edges = [word for word, key in (("above", "strict_min"), ("below", "strict_max")) if arguments.get(key)]
        return f"between {low} and {high}{' (bounds excluded)' if edges else ''}"
    if low is not None:
        return f"above {low}" if arguments.get("strict_min") else f"at least {low}"
    return f"below {high}" if arguments.get("strict_max") else f"at most {high}"


def _names(arguments: Arguments) -> str:
    return ", ".join(map(str, arguments.get("column_list", [])))


_FAULTS: dict[str, Callable[[Arguments], str]] = {
    "expect_column_values_to_not_be_null": lambda a: "are null",
    "expect_column_values_to_be_null": lambda a: "are not null",
    "expect_column_values_to_be_between": lambda a: f"are not {_bounds(a)}",
    "expect_column_values_to_be_in_set": lambda a: f"are not in the set {_listing(a['value_set'])}",
    "expect_column_values_to_not_be_in_set": lambda a: f"are in the forbidden set {_listing(a['value_set'])}",
    "expect_column_value_lengths_to_be_between": lambda a: f"have a length that is not {_bounds(a)}",
    "expect_column_value_lengths_to_equal": lambda a: f"are not {a['value']} characters long",
    "expect_column_values_to_match_regex": lambda a: f"do not match {a['regex']!r}",
    "expect_column_values_to_not_match_regex": lambda a: f"match {a['regex']!r}",
    "expect_column_values_to_match_strftime_format": lambda a: f"are no times of the form {a['strftime_format']!r}",
    "expect_column_values_to_be_dateutil_parseable": lambda a: "are no times",
    "expect_column_values_to_be_json_parseable": lambda a: "are no JSON",
    "expect_column_values_to_be_of_type": lambda a: f"are not of type {a['type_']}",
    "expect_column_values_to_be_increasing": lambda a: "do not increase",
    "expect_column_values_to_be_decreasing": lambda a: "do not decrease",
    "expect_column_value_z_scores_to_be_less_than": lambda a: f"lie {a['threshold']} or more deviations off the mean",
    "expect_multicolumn_sum_to_equal": lambda a: f"do not sum to {a['sum_total']}",
    "expect_column_pair_values_to_be_equal": lambda a: f"differ between {a['column_A']} and {a['column_B']}",
    "expect_column_pair_values_a_to_be_greater_than_b": lambda a: f"have {a['column_A']} not above {a['column_B']}",
    "expect_select_column_values_to_be_unique_within_record": lambda a: "repeat a value within the row",
}


def subject(expectation: Expectation) -> str:
    """What the expectation is about: its column, its columns, or the table."""
    return ", ".join(expectation.columns) or "The table"


def rows_message(expectation: Expectation, unexpected: int, rows: int, examples: list[tuple[int, Any]]) -> str:
    """The sentence for an expectation that judges rows."""
    say = _FAULTS.get(expectation.expect)
    fault = say(expectation.arguments) if say else f"do not satisfy {expectation.expect}"
    tolerated = f"; at least {expectation.mostly:.4g} of them must be good" if expectation.mostly < 1 else ""
    if unexpected == 0:
        return f"{subject(expectation)}: all {rows:,} values satisfy {expectation.expect}."
    return f"{subject(expectation)}: {unexpected:,} of {rows:,} values {fault}{_cases(examples)}{tolerated}."


def unique_message(expectation: Expectation, repeats: int, rows: int, pairs: list[tuple[int, int]]) -> str:
    """The sentence for a uniqueness; `pairs` are (repeating position, first position)."""
    if not repeats:
        return f"{subject(expectation)}: no row of {rows:,} repeats another."
    cases = ", ".join(f"row {late + 1:,} repeats row {first + 1:,}" for late, first in pairs)
    verb = "row repeats an earlier row" if repeats == 1 else "rows repeat an earlier row"
    return f"{subject(expectation)}: {repeats:,} {verb} (of {rows:,}; e.g. {cases})."


def observed_message(expectation: Expectation, success: bool, result: Mapping[str, Any]) -> str:
    """The sentence for an expectation about a column or a table as a whole; `result` is what the tool observed."""
    name = subject(expectation) if expectation.columns else str(expectation.arguments.get("column", "The table"))
    if expectation.expect == "expect_column_to_exist":
        return f"{name}: the column is {'there' if success else 'not in the table, or not in its place'}."
    what = expectation.expect.removeprefix("expect_").removeprefix("column_").removeprefix("table_").replace("_", " ")
    measure, _, demand = what.partition(" to ")
    bounded = "min_value" in expectation.known.optional
    wanted = f"be {_bounds(expectation.arguments)}" if bounded else _demand(expectation, demand)
    verdict = "as expected: to" if success else "but should"
    return f"{name}: the {_found(_MEASURES.get(measure, measure), result)}, {verdict} {wanted}."


_MEASURES = {"values": "type"}


def _found(measure: str, result: Mapping[str, Any]) -> str:
    verb = "are" if measure.endswith(("values", "columns")) and "proportion" not in measure else "is"
    observed = result.get("observed_value")
    if observed is not None:
        return f"{measure} {verb} {_listing(observed) if isinstance(observed, list) else _short(observed)}"
    parts = [("have", "partial_unexpected_list"), ("lack", "partial_missing_list")]
    stray = [f"{word} {_listing(result[key])}" for word, key in parts if result.get(key)]
    return f"{measure} {' and '.join(stray) if stray else 'were compared'}"


def _demand(expectation: Expectation, demand: str) -> str:
    values = [
        _listing(value) if isinstance(value, list) else _short(value)
        for name, value in expectation.arguments.items()
        if name not in {"column", "mostly", "ties_okay", "exact_match"}
    ]
    return f"{demand} {' '.join(values)}".strip()


def _cases(examples: list[tuple[int, Any]]) -> str:
    if not examples:
        return ""
    known = [(position, value) for position, value in examples if plain(value) is not None]
    if not known:
        rows = ", ".join(f"{position + 1:,}" for position, _ in examples)
        return f" (e.g. row{'s' if len(examples) > 1 else ''} {rows})"
    return f" (e.g. {', '.join(f'{_short(value)} in row {position + 1:,}' for position, value in known)})"


def _short(value: Any) -> str:
    text = repr(plain(value))
    return text if len(text) <= 60 else f"{text[:57]}…"


def _listing(values: Any) -> str:
    items = [_short(value) for value in values]
    shown = ", ".join(items[: 2 * EXAMPLES])
    return f"[{shown}, … {len(items)} values]" if len(items) > 2 * EXAMPLES else f"[{shown}]"
