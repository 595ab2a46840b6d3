"""The closed language of expressions, and the steps `filter` and `derive` that use it."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from millrace.errors import TransformError
from millrace.strict import union_of
from millrace.transforms import STEPS
from millrace.transforms.base import TransformContext
from millrace.transforms.expressions import Expression

STEP = TypeAdapter(union_of(STEPS, "step"))
TABLE = pd.DataFrame(
    {"a": [1.0, 2.0, None], "b": [3, 0, 1], "CO(GT)": [0.5, 2.5, 9.0], "s": ["x", "y", None], "ok": [True, False, True]}
)


def rows(where: str) -> list[int]:
    """Positions of the rows that the expression keeps."""
    table = TABLE.assign(position=range(3))
    return (
        STEP.validate_python({"step": "filter", "where": where}).apply(table, TransformContext())["position"].tolist()
    )


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("a >= 1", [0, 1]),
        ("`CO(GT)` > 2 and b < 1", [1]),
        ("not (a >= 2)", [0, 2]),
        ("s in ['x', 'z']", [0]),
        ("s not in ['x']", [1]),
        ("a != 2", [0]),
        ("a not in [2]", [0]),
        ("not (a == 2)", [0, 2]),
        ("a != b", [0, 1]),
        ("1 < b <= 3", [0]),
        ("is_null(a) or s == 'x'", [0, 2]),
        ("abs(-b) == 3", [0]),
        ("upper(s) == 'Y'", [1]),
        ("ok", [0, 2]),
        ("not ok", [1]),
        ("maximum(a, b) > 2", [0]),
        ("s == '`a`'", []),
        ("a + b * 2 - 1 == 6", [0]),
    ],
)
def test_filter_keeps_the_rows_for_which_the_expression_holds(where: str, kept: list[int]):
    assert rows(where) == kept


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "(lambda: 1)()",
        "[x for x in a]",
        "open('/etc/passwd')",
        "a[0]",
        "f'{a}'",
        "a if b else s",
        "a := 1",
        "abs(a, b)",
        "abs(x=a)",
        "a is None",
        "s in 'xyz'",
        "a == None",
        "~ok",
        "a & b",
        "import os",
        "",
        "`a",
        "a" * 3000,
        "(" * 500 + "a" + ")" * 500,
        "+".join("a" * 900),
        "-" * 900 + "a",
    ],
)
def test_whatever_is_not_in_the_language_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        Expression(text)


@given(st.text(max_size=40))
def test_any_text_is_an_expression_over_columns_or_a_value_error(text: str):
    try:
        expression = Expression(text)
    except ValueError:
        return
    assert all(isinstance(name, str) for name in expression.columns)


def test_columns_are_the_names_that_are_read():
    assert Expression("a + `CO(GT)` > abs(b) and s == 'a `b` c'").columns == ("a", "CO(GT)", "b", "s")


@pytest.mark.parametrize("where", ["s > 5", "b == '3'", "s in [1, 2]", "a + s > 1", "a and b", "b", "lower(b) == 'x'"])
def test_mixed_kinds_are_an_error_and_no_silent_nothing(where: str):
    with pytest.raises(TransformError, match=r"Transform step 'filter'"):
        rows(where)


def test_a_power_of_constants_cannot_fill_the_memory():
    with pytest.raises(TransformError, match="cannot work out"):
        rows("a < 9 ** 9 ** 9")


def test_unknown_column_and_unknown_function_are_named():
    with pytest.raises(TransformError, match="names the column 'c'"):
        rows("c > 1")
    with pytest.raises(ValidationError, match="Did you mean 'abs'"):
        STEP.validate_python({"step": "filter", "where": "abss(a) > 1"})


def test_conditions_say_the_same_without_a_language():
    step = {
        "step": "filter",
        "conditions": [{"column": "CO(GT)", "op": ">", "value": 1}, {"column": "a", "op": "not null"}],
    }
    assert STEP.validate_python(step).apply(TABLE, TransformContext())["b"].tolist() == [0]


def test_filter_compares_times_with_iso_text():
    table = pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-06-01"], utc=True)})
    kept = STEP.validate_python({"step": "filter", "where": "at >= '2024-03-01'"}).apply(table, TransformContext())
    assert len(kept) == 1


def test_derive_adds_columns_in_order_and_makes_infinity_null_with_a_note():
    context = TransformContext()
    step = STEP.validate_python({"step": "derive", "columns": {"r": "a / b", "t": "r * 2", "h": "`CO(GT)` > 2"}})
    result = step.apply(TABLE, context)
    assert result["t"].isna().tolist() == [False, True, True]
    assert result["h"].tolist() == [False, True, True]
    assert "'r' is infinite in 1 rows" in context.notes[0]


def derived(formula: str, **columns: object) -> pd.Series:
    """The column that the formula makes of these."""
    step = STEP.validate_python({"step": "derive", "columns": {"made": formula}})
    return step.apply(pd.DataFrame(columns), TransformContext())["made"]


@pytest.mark.parametrize("formula", ["a * b", "a ** 3", "a + a + b * b", "-a - a * b"])
def test_whole_numbers_beyond_64_bits_become_doubles_and_never_wrap_round(formula: str):
    columns = {"a": [4_000_000_000, 5, 2**62], "b": [4_000_000_000, 7, 2**62]}
    exact = [eval(formula, {"a": a, "b": b}) for a, b in zip(*columns.values(), strict=True)]
    assert derived(formula, **columns).tolist() == [float(value) for value in exact]


def test_whole_numbers_that_fit_stay_whole_and_exact():
    nanoseconds = [1_732_000_000_123_456_789, 1_732_000_000_123_456_788]
    assert derived("a // 10 ** 9 * 10 ** 9 + a % 10 ** 9", a=nanoseconds).tolist() == nanoseconds
    assert derived("a ** 2", a=[3, -4]).dtype == "int64"


@pytest.mark.parametrize("formula", ["a * b", "a % b", "a // b"])
@pytest.mark.parametrize("beside", [(2**62, 4), (1, 0)])
def test_a_row_without_a_whole_result_costs_the_others_no_digit(formula: str, beside: tuple[int, int]):
    a, b = 2**53 + 3, 3
    exact = eval(formula, {"a": a, "b": b})
    assert derived(formula, a=[a, beside[0]], b=[b, beside[1]]).iloc[0] == float(exact)


@pytest.mark.parametrize("formula", ["a // b", "a % b", "a // 0", "a / b"])
def test_a_whole_number_with_nulls_beside_it_divided_by_zero_is_null_and_not_zero(formula: str):
    assert derived(formula, a=pd.array([7, None, 3], dtype="Int64"), b=[0, 0, 0]).isna().all()


def test_truth_values_are_counted():
    flags = pd.array([True, None, True], dtype="boolean")
    assert derived("f + g", f=[True, False, True], g=[True, True, False]).tolist() == [2, 1, 1]
    assert derived("f + g", f=flags, g=[True, True, False]).fillna(-1).tolist() == [2, -1, 1]


def test_a_truth_value_that_is_null_is_false():
    table = pd.DataFrame({"f": pd.Series([True, None, False], dtype=object), "n": [0, 1, 2]})
    kept = STEP.validate_python({"step": "filter", "where": "not f"}).apply(table, TransformContext())
    assert kept["n"].tolist() == [1, 2]


@pytest.mark.parametrize("where", ["f == 'true'", "n == s", "s != n", "at == 'soon'", "n in ['1']", "at > n"])
def test_columns_of_two_kinds_and_times_that_are_none_are_not_compared(where: str):
    table = pd.DataFrame({"f": [True], "n": [1], "s": ["1"], "at": pd.to_datetime(["2024-01-01"], utc=True)})
    with pytest.raises(TransformError, match=r"cast it first|is no time"):
        STEP.validate_python({"step": "filter", "where": where}).apply(table, TransformContext())


@pytest.mark.parametrize(
    ("where", "kept"), [("at in ['2024-01-01']", [0]), ("at not in ['2024-01-01', '2024-02-01']", [2])]
)
def test_times_are_found_in_a_list_of_texts(where: str, kept: list[int]):
    table = pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", None], utc=True)})
    table = table.assign(n=range(4))
    found = STEP.validate_python({"step": "filter", "where": where}).apply(table, TransformContext())
    assert found["n"].tolist() == kept


def test_a_list_holds_values_and_no_columns():
    with pytest.raises(ValueError, match="holds values, no columns"):
        Expression("a in [b, 1]")


def test_the_difference_of_two_times_is_in_seconds_and_minus_true_is_minus_one():
    times = pd.to_datetime(["2024-01-01 00:00", "2024-01-02 00:00"], utc=True)
    assert derived("b - a", a=times[:1], b=times[1:]).tolist() == [86_400.0]
    assert derived("-f", f=[True, False]).tolist() == [-1, 0]


def test_a_root_of_a_negative_constant_is_refused():
    with pytest.raises(TransformError, match="is no real number"):
        derived("(0 - 8) ** 0.5", a=[1])
