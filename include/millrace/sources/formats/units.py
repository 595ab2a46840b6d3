"""Reads numbers that have a unit beside them: `$ 1,250.50`, `45 %`, `12.5 kg`. What is no such number is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from millrace.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

_SPACES = " '\u00a0\u202f"
"""Marks of thousands whatever the decimal mark is, among them the spaces that do not break."""


_CURRENCY = r"[$€£¥₹₩₽]|(?:US|C|A)\$|USD|EUR|GBP|CHF|JPY|INR|Rs\.?|kr|zł"
_BESIDE = re.compile(
    rf"[+-]?\s*(?P<before>{_CURRENCY})?\s*[+-]?(?=[.,]?\d)[\d.,'\u00a0\u202f]*(?: \d{{3}}[\d.,]*)*\s*"
    rf"(?P<after>{_CURRENCY}|[%‰]|°?[A-Za-zµ][A-Za-z²³/]{{0,6}})?"
)
"""What a unit looks like: before a number a currency only (`C12` is a code), behind it any short word too."""
NEARLY_ALL = 0.9
LEAST_NUMBERS = 5
"""Different numbers that must stand beside one unit: `1st` or a handful of sizes are categories."""


def unit_of(texts: pd.Series) -> str | None:
    """The one unit that stands beside a number in nearly all of these texts, if there is one."""
    different = texts.drop_duplicates().str.strip()
    found = different.str.extract(f"^{_BESIDE.pattern}$")
    units = found["before"].where(found["before"].notna(), found["after"])
    if units.nunique() != 1 or units.notna().mean() < NEARLY_ALL or units.notna().sum() < LEAST_NUMBERS:
        return None
    return str(units.dropna().iloc[0])


def numbers_of(table: pd.DataFrame, units: Mapping[str, str], decimal: str, shown: str) -> pd.DataFrame:
    """The table with the texts of these columns as numbers; the index tells a row's place. Raises SourceError."""
    there = {name: unit for name, unit in units.items() if name in table}
    return table.assign(**{name: _numbers(table[name], unit, decimal, shown) for name, unit in there.items()})


def number_form(unit: str, decimal: str) -> re.Pattern[str]:
    """A number with or without the unit on either side; the mark that is not the decimal one groups thousands."""
    groups = f"[{re.escape({'.': ',', ',': '.'}[decimal] + _SPACES)}]"
    mark, beside = re.escape(decimal), rf"(?:{re.escape(unit)})?"
    digits = rf"(?:\d{{1,3}}(?:{groups}\d{{3}})+|\d+)(?:{mark}\d+)?|{mark}\d+"
    return re.compile(rf"\s*([+-]?)\s*{beside}\s*([+-]?)({digits})\s*{beside}\s*")


def _numbers(values: pd.Series, unit: str, decimal: str, shown: str) -> pd.Series:
    import pandas as pd

    parts = values.astype("string").str.extract(f"^{number_form(unit, decimal).pattern}$")
    odd = (parts[2].isna() & values.notna()).to_numpy()
    if odd.any():
        first = int(odd.argmax())
        raise SourceError(
            f"{values.iloc[first]!r} in column '{values.name}', row {values.index[first] + 1} of {shown}, is no number "
            f"with the unit '{unit}' and the decimal mark '{decimal}'.",
            hint="Mend the value, name it under read.na_values if it means missing, or leave the column out of "
            "read.units.",
        )
    plain = parts[2].str.replace(rf"[^\d{re.escape(decimal)}]", "", regex=True).str.replace(decimal, ".", regex=False)
    numbers: pd.Series = pd.to_numeric((parts[0] + parts[1] + plain).astype(object))
    return numbers
