"""The comparison as a page for people, drawn by Evidently with our distances and our limits.

The verdict stands without it: `compare` decides, and the page shows the same figures beside the distributions.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from millrace.drift.base import ColumnComparison, Comparison
from millrace.drift.columns import CategoryColumn, NumberColumn, texts

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 60
"""A longer page helps nobody."""
_LESS = "\ue03c"
"""Stands for "<" in names and values of the data until the page is drawn: a character of the private use area."""
_METHODS = {"number": "millrace_ks", "category": "millrace_tvd"}


def drift_page(reference: pd.DataFrame, current: pd.DataFrame, comparison: Comparison) -> tuple[bytes, bytes]:
    """The page as HTML and as JSON; needs at least one compared column."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    _register_distances()
    logging.getLogger("evidently").setLevel(logging.ERROR)
    shown = _shown(comparison)
    definition = DataDefinition(
        numerical_columns=[_held(column.column) for column in shown if column.kind == "number"],
        categorical_columns=[_held(column.column) for column in shown if column.kind == "category"],
    )
    preset = DataDriftPreset(
        columns=[_held(column.column) for column in shown],
        drift_share=comparison.share_limit,
        per_column_method={_held(column.column): _METHODS[column.kind] for column in shown},
        per_column_threshold={_held(column.column): column.measures["distribution"].limit for column in shown},
        include_tests=False,
    )
    snapshot = Report([preset]).run(
        Dataset.from_pandas(_prepared(current, shown), definition),
        Dataset.from_pandas(_prepared(reference, shown), definition),
    )
    page, document = snapshot.get_html_str(as_iframe=False), snapshot.json()
    return _told(page, "\\u003c"), _told(document, "<")


def _held(text: str) -> str:
    """A name or value of the data that ends no script: Evidently writes them into one as they are."""
    return str(text).replace("<", _LESS)


def _told(text: str, less: str) -> bytes:
    return text.replace(_LESS, less).replace("\\ue03c", less).encode()  # as it is, and as JSON escapes it


def _shown(comparison: Comparison) -> list[ColumnComparison]:
    compared = [column for column in comparison.columns if "distribution" in column.measures]
    return sorted(compared, key=lambda column: not column.drifted)[:MOST_COLUMNS]


def _prepared(table: pd.DataFrame, shown: list[ColumnComparison]) -> pd.DataFrame:
    """The columns as the comparison saw them."""
    import pandas as pd

    return pd.DataFrame(
        {
            _held(column.column): pd.to_numeric(table[column.column], errors="coerce").astype("float64")
            if column.kind == "number"
            else texts(table[column.column].dropna()).map(_held).reindex(table.index)
            for column in shown
        }
    )


@cache
def _register_distances() -> None:
    """Teach Evidently our two distances; its own tests give p-values, which say nothing about size."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def distance(reference: Any, current: Any, kind: Any, threshold: float) -> tuple[float, bool]:
        column = NumberColumn(reference) if kind == ColumnType.Numerical else CategoryColumn(reference)
        found = column.figures(current).get("distribution", 0.0)
        return found, found > threshold

    for name, title, kind in (
        ("millrace_ks", "Kolmogorov-Smirnov distance", ColumnType.Numerical),
        ("millrace_tvd", "total variation distance", ColumnType.Categorical),
    ):
        register_stattest(StatTest(name, title, [kind]), distance)
