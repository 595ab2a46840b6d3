"""The steps about dates: `restore_dates` makes dates of days of the month, `date_parts` takes months from times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep, shown

if TYPE_CHECKING:
    import pandas as pd


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"'{name}' is no time zone. Write an IANA name such as Europe/Madrid.") from error
    return name


def _month(text: str) -> str:
    if not re.match(r"^\d{4}-(0[1-9]|1[0-2])$", text):
        raise ValueError(f"'{text}' is no month. Write it as 2023-10.")
    return text


Part = Literal["year", "quarter", "month", "day", "dayofyear", "dayofweek", "hour", "minute"]


class DateParts(TransformStep):
    """Add parts of a time as whole numbers, `{column}_{part}`, to group or join by; for a model there is `calendar`."""

    step: Literal["date_parts"]
    column: str = Field(description="Column with times.")
    parts: list[Part] = Field(
        min_length=1, description="year, quarter, month, day, dayofyear, dayofweek, hour, minute."
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", description="IANA zone of the clock.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the parts; null where the time is missing."""
        self.require_times(table, self.column)
        names = {part: f"{self.column}_{part}" for part in self.parts}
        self.require_new(table, *names.values())
        times: Any = table[self.column]
        whole = "Int64" if times.isna().any() else "int64"
        local = (times if times.dt.tz is not None else times.dt.tz_localize("UTC")).dt.tz_convert(self.timezone).dt
        return table.assign(**{name: getattr(local, part).astype(whole) for part, name in names.items()})


class RestoreDates(TransformStep):
    """Make times of a day of the month and a clock time, in the order of the rows: a lower day begins the next month.

    That order is all there is to tell the months apart, so rows whose times then run backwards are an error.
    """

    step: Literal["restore_dates"]
    day: str = Field(description="Column with the day of the month, 1 to 31.")
    time: str | None = Field(default=None, description="Column with the clock time; midnight where absent.")
    format: str = Field(default="%H:%M:%S", description="strptime format of the clock time.")
    start: Annotated[str, AfterValidator(_month), BeforeValidator(str)] = Field(
        description="Month of the first row: 2023-10."
    )
    as_: str = Field(default="timestamp", alias="as", description="Name of the new column; its times are kept as UTC.")
    weekday: str | None = Field(default=None, description="Column that names the weekday: differences are warned of.")
    keep: bool = Field(default=False, description="Keep the columns of the day and the clock time.")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the new column."""
        self.require(table, *([self.weekday] if self.weekday else []), *([self.time] if self.time else []))
        self.require_numbers(table, self.day)
        self.require_new(table, self.as_)
        times = self._dates(table[self.day]) + self._clock(table)
        self._refuse_backwards(times)
        if self.weekday is not None:
            self._compare_weekdays(table[self.weekday], times, context)
        given = [] if self.keep else [self.day, *([self.time] if self.time else [])]
        return table.drop(columns=given).assign(**{self.as_: times})

    def _dates(self, days: pd.Series[Any]) -> pd.Series[Any]:
        import pandas as pd

        wrong = days.isna() | (days % 1 != 0) | ~days.between(1, 31)
        if wrong.any():
            raise self._unreadable(days, wrong, "no day of a month")
        months: Any = (days.diff() < 0).to_numpy().cumsum()
        periods = pd.period_range(self.start, periods=int(months[-1]) + 1 if len(months) else 1, freq="M")
        firsts: Any = pd.Series(periods.to_timestamp()[months], index=days.index)
        late = days > firsts.dt.days_in_month
        if late.any():
            raise self._unreadable(days, late, f"no day of {firsts[late].iloc[0]:%B %Y}")
        dates: pd.Series[Any] = (firsts + pd.to_timedelta(days - 1, unit="D")).dt.tz_localize("UTC")
        return dates

    def _clock(self, table: pd.DataFrame) -> Any:
        import pandas as pd

        if self.time is None:
            return pd.Timedelta(0)
        texts = table[self.time]
        clock = pd.to_datetime(texts.astype("string"), format=self.format, errors="coerce", utc=True)
        if clock.isna().any():
            raise self._unreadable(texts, clock.isna(), f"no time of the form {self.format}")
        return clock - clock.dt.normalize()

    def _refuse_backwards(self, times: pd.Series[Any]) -> None:
        back = (times.diff().dt.total_seconds() < 0).to_numpy()
        if back.any():
            row = int(back.argmax())
            before, after = (f"day {moment.day}, {moment:%H:%M}" for moment in times.iloc[row - 1 : row + 1])
            raise TransformError(
                f"Transform step '{self.step}': the rows are not in the order of time: row {row + 1} ({after}) "
                f"follows {before}; {int(back.sum()):,} rows run backwards.",
                hint="The order is lost with it; use the table as it was first written, before any sorting.",
            )

    def _compare_weekdays(self, named: pd.Series[Any], times: pd.Series[Any], context: TransformContext) -> None:
        differs = named.notna() & (named.astype("string").str.strip().str.lower() != times.dt.day_name().str.lower())
        if differs.any():
            first = differs.to_numpy(dtype=bool).argmax()
            context.note(
                self,
                f"Transform step '{self.step}': '{self.weekday}' is not the weekday of the restored date in "
                f"{int(differs.sum()):,} of {len(named):,} rows, e.g. {named.iloc[first]} for "
                f"{times.iloc[first]:%A, %Y-%m-%d}: the table is wrong there, or start: {self.start} is.",
            )

    def _unreadable(self, values: pd.Series[Any], wrong: pd.Series[Any], why: str) -> TransformError:
        row = int(wrong.to_numpy(dtype=bool).argmax())
        return TransformError(
            f"Transform step '{self.step}': {shown(values.iloc[row])} in column '{values.name}', row {row + 1}, is "
            f"{why} ({int(wrong.sum()):,} of {len(values):,} values).",
            hint="Mend the source, or check 'start' and 'format'.",
        )
