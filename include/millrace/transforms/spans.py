"""Spans of time (`15min`, `1h`, `1D`) and regular grids of them; shared by the steps that know about time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from millrace.errors import TransformError

if TYPE_CHECKING:
    import pandas as pd

_FORM = re.compile(r"^(\d+)?(s|min|h|D|W|MS|ME|QS|QE|YS|YE)$")
_MAX_SPANS = 50_000_000


@dataclass(frozen=True)
class Span:
    """One span, in pandas' notation."""

    text: str

    @staticmethod
    def checked(text: str) -> str:
        """The text, when it is a span; ValueError otherwise."""
        if not _FORM.match(text) or re.match(r"^0+\D", text):
            raise ValueError(
                f"'{text}' is no span of time. Write a number and s, min, h, D, W, MS, ME, QS or YS: 15min, 1h."
            )
        return text

    @staticmethod
    def checked_fixed(text: str) -> str:
        """As `checked`, for spans that always last as long: not months, quarters or years."""
        if Span.checked(text)[-1] in "SE":
            raise ValueError(f"'{text}' is not always of one length. Allowed units: s, min, h, D, W.")
        return text

    def refuse_endless(self, step: str, times: pd.Series, groups: int = 1) -> None:
        """Raise TransformError when the spans between the first and the last time would fill the memory."""
        import pandas as pd

        first, last = times.min(), times.max()
        seconds = (pd.Timestamp("2000-01-01") + pd.tseries.frequencies.to_offset(self.text)) - pd.Timestamp(
            "2000-01-01"
        )
        count = groups * ((last.to_pydatetime() - first.to_pydatetime()) / seconds.to_pytimedelta())
        if count > _MAX_SPANS:
            raise TransformError(
                f"Transform step '{step}' would make {count:,.0f} spans of {self.text} between {first} and {last}.",
                hint="Filter out the stray time, or choose a longer span.",
            )
