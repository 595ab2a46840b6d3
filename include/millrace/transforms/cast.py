"""The step `cast`: gives columns a type, and names the value and the row that cannot have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep, shown

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "integer", "string", "boolean", "datetime"]
_EXACT = 2.0**53
_LARGEST = 2.0**63
_TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}


class Cast(TransformStep):
    """Give columns a type. A value that cannot have it is an error, or null with `errors: null`."""

    step: Literal["cast"]
    columns: dict[str, Kind] = Field(min_length=1, description="Column to number, integer, string, boolean, datetime.")
    format: str | None = Field(default=None, description="strptime format of times; ISO 8601 where absent.")
    errors: Literal["error", "null"] = Field(default="error", description="What an unreadable value becomes.")

    @field_validator("errors", mode="before")
    @classmethod
    def _yaml_null(cls, value: object) -> object:
        return "null" if value is None else value

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the columns cast."""
        self.require(table, *self.columns)
        changed = {name: self._cast(table[name], kind, context) for name, kind in self.columns.items()}
        return table.assign(**changed)

    def _cast(self, values: pd.Series, kind: Kind, context: TransformContext) -> pd.Series:
        cast = _CASTS[kind](values, self.format)
        lost = (cast.isna() & values.notna()).to_numpy()
        first, count = int(lost.argmax()) if len(lost) else 0, int(lost.sum())
        row = context.first_row + first + 1

        def found(count: int, of: int) -> str:
            return (
                f"Transform step 'cast': {shown(values.iloc[first])} in column '{values.name}', row {row}, "
                f"is no {kind} ({count:,} of {of:,} values are not)"
            )

        if count and self.errors == "error":
            hint = "Mend the source, give a 'format' for times, or set errors: null to make such values null."
            raise TransformError(f"{found(count, context.first_row + len(values))}.", hint=hint)
        about = str(values.name)
        context.count(self, about, count, len(values), lambda n, of: f"{found(n, of)}; they became null.")
        return cast


def _number(values: pd.Series, _format: str | None) -> pd.Series:
    import pandas as pd

    if values.dtype.kind in "iufb":
        return values if values.dtype.kind != "b" else values.astype("int64")
    if values.dtype.kind == "M":  # a time is no number of anything until its unit is said, and no time less so
        return pd.Series(float("nan"), index=values.index, dtype="float64")
    numbers: pd.Series = pd.to_numeric(values, errors="coerce")
    readable = numbers.notna()
    if readable.all():
        return numbers
    # Beside a null, whole numbers would pass through doubles, which do not hold the long ones.
    exact = pd.to_numeric(values[readable], errors="coerce") if readable.any() else pd.Series(dtype="int64")
    return exact.astype("Int64").reindex(values.index) if exact.dtype.kind == "i" else numbers


def _integer(values: pd.Series, format_: str | None) -> pd.Series:
    import pandas as pd

    numbers = _number(values, format_)
    if numbers.dtype.kind not in "fu":
        return numbers.astype("Int64" if numbers.isna().any() else "int64")
    # Nothing is rounded in silence: neither a fraction (or infinity), nor digits that a double did not hold.
    written = values.dtype.kind not in "iufb"
    largest = _EXACT if written else _LARGEST
    whole = numbers.where((numbers % 1 == 0) & (numbers < largest) & (numbers >= -largest)).astype("Int64")
    if written and (long := numbers.abs() >= _EXACT).any():
        whole[long] = pd.array([_long_integer(value) for value in values[long]], dtype="Int64")
    return whole if whole.isna().any() else whole.astype("int64")


def _long_integer(value: Any) -> int | None:
    """What is written with all of its digits, whatever stands beside it in the column."""
    try:
        integer = int(value)
    except (ValueError, OverflowError):
        return None
    is_whole = isinstance(value, str) or integer == value  # a decimal may have a fraction that its double did not
    return integer if is_whole and -_LARGEST <= integer < _LARGEST else None


def _string(values: pd.Series, _format: str | None) -> pd.Series:
    texts = values.astype("string").astype(object).where(values.notna(), None)
    if values.dtype.kind != "f":
        return texts
    # Whole numbers that stand beside a null are doubles: 17 is '17' all the same, as a request would write it.
    whole = (values % 1 == 0) & (values.abs() < _EXACT)
    texts[whole] = values[whole].astype("int64").astype(str)
    return texts


def _boolean(values: pd.Series, _format: str | None) -> pd.Series:
    known = values.astype("string").str.strip().str.lower().map(_TRUTH)
    return known.astype("boolean" if known.isna().any() else "bool")


def _datetime(values: pd.Series, format_: str | None) -> pd.Series:
    import pandas as pd

    if values.dtype.kind in "iuf" and format_ is None:
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns, UTC]")  # a bare number names no time
    if values.dtype.kind in "iuf":
        numbers: Any = values.astype("Int64")
        values = numbers.astype("string")
    times: pd.Series = pd.to_datetime(values, format=format_ or "ISO8601", utc=True, errors="coerce")
    return times


_CASTS: dict[Kind, Callable[[pd.Series, str | None], pd.Series]] = {
    "number": _number,
    "integer": _integer,
    "string": _string,
    "boolean": _boolean,
    "datetime": _datetime,
}
