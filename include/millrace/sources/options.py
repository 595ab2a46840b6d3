"""What a spec may say about the way a file is read, and which of it each format understands.

Only plain data: the readers themselves are in `millrace.sources.formats`.
"""

from __future__ import annotations

import posixpath
from typing import Any, Literal

from pydantic import Field, field_validator

from millrace.errors import did_you_mean
from millrace.strict import StrictModel

Scalar = str | int | float
Kind = Literal["str", "int", "float", "bool"]


class ReadOptions(StrictModel):
    """How the table is written in its file."""

    sep: str | None = Field(
        default=None, description="csv: what separates the fields; one character, or `\\s+` for any white space."
    )
    decimal: Literal[".", ","] = Field(default=".", description="csv: the decimal mark.")
    thousands: Literal[".", ",", " ", "'", "_"] | None = Field(default=None, description="csv: the thousands mark.")
    quotechar: str = Field(default='"', min_length=1, max_length=1, description="csv: what encloses a field.")
    comment: str | None = Field(
        default=None, min_length=1, max_length=1, description="csv: the rest of a line after this is left out."
    )
    encoding: str | None = Field(
        default=None, description="csv, json: the character encoding; UTF-8 where absent, UTF-16 by its mark."
    )
    short_rows: Literal["error", "fill"] = Field(
        default="error", description="csv: a row with fewer fields than the header is an error, or filled with nulls."
    )
    skip_rows: int = Field(default=0, ge=0, description="csv, excel: lines to leave out before the header.")
    header: bool = Field(default=True, description="csv, excel: whether the first line names the columns.")
    names: list[str] | None = Field(
        default=None, description="csv, excel: names of the columns where none are written."
    )
    sheet: str | int | None = Field(
        default=None, description="excel: name or number (from 0) of the sheet; else the first that is not empty."
    )
    records: str | None = Field(default=None, description="json: the key under which a JSON object holds its rows.")
    member: str | None = Field(default=None, description="The file inside a zip archive that holds several.")
    columns: list[str] | None = Field(default=None, description="Read only these columns.")
    na_values: list[Scalar] | dict[str, list[Scalar]] = Field(
        default_factory=list, description="csv, excel: values that mean missing, for all columns or by column."
    )
    default_na: bool = Field(
        default=True, description="csv, excel: whether NA, N/A, null, None, nan and the like mean missing too."
    )
    dtype: dict[str, Kind] = Field(default_factory=dict, description="The kind of a column: str, int, float or bool.")
    units: dict[str, str] = Field(
        default_factory=dict,
        description="csv: what stands beside the numbers of a column (`$ 1,250.50`, `45 %`, `12 kg`) and is taken off.",
    )

    @field_validator("sep")
    @classmethod
    def _one_character(cls, sep: str | None) -> str | None:
        if sep is not None and len(sep) != 1 and sep != r"\s+":
            raise ValueError(f"sep is '{sep}'. Allowed: one character such as ',' ';' '|' '\\t', or '\\s+'.")
        return sep

    @field_validator("units")
    @classmethod
    def _beside_numbers(cls, units: dict[str, str]) -> dict[str, str]:
        for column, unit in units.items():
            if not unit.strip() or unit.strip()[0] in "0123456789.,+-":
                raise ValueError(f"the unit of {column} is '{unit}'. Allowed: what stands beside numbers, as $, %.")
        return {column: unit.strip() for column, unit in units.items()}

    def written(self) -> set[str]:
        """The options that differ from their defaults."""
        return {name for name, info in type(self).model_fields.items() if getattr(self, name) != _default(info)}


def _default(info: Any) -> Any:
    return info.get_default(call_default_factory=True)


_COMMON = {"member", "columns", "dtype"}
_TABULAR = _COMMON | {"skip_rows", "header", "names", "na_values", "default_na"}
_TEXT = _TABULAR | {"sep", "decimal", "thousands", "quotechar", "comment", "encoding", "short_rows", "units"}

FORMATS: dict[str, set[str]] = {
    "csv": _TEXT,
    "tsv": _TEXT,
    "excel": _TABULAR | {"sheet"},
    "parquet": _COMMON,
    "json": _COMMON | {"encoding", "records"},
}
"""Each format and the options that it understands."""

FormatName = Literal["csv", "tsv", "excel", "parquet", "json"]

EXTENSIONS: dict[str, FormatName] = {
    ".csv": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
COMPRESSIONS = (".gz", ".zip")


def format_of(name: str) -> FormatName | None:
    """The format that a file's name tells (`sales.csv.gz` is csv), or None."""
    stem, extension = posixpath.splitext(name.lower())
    if extension in COMPRESSIONS:
        extension = posixpath.splitext(stem)[1]
    return EXTENSIONS.get(extension)


def check_options(form: FormatName | None, options: ReadOptions) -> None:
    """Raise ValueError when an option is written that this format does not understand."""
    if form is None:
        return
    for name in sorted(options.written() - FORMATS[form]):
        raise ValueError(f"read.{name} means nothing to the format {form}. {did_you_mean(name, FORMATS[form])}")
