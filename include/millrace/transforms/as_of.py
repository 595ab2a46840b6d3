"""The point-in-time join: for each row the newest values of its entity that were known at the row's own time.

No value from after a row's time ever reaches it, so that a model learns from what it will know when it is asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_ROW, _AT = "millrace:row", "millrace:at"


def as_of(
    table: pd.DataFrame,
    features: pd.DataFrame,
    *,
    entity: list[str],
    time: str,
    event_time: str,
    max_age: timedelta | None = None,
    known_after: timedelta = timedelta(0),
) -> pd.DataFrame:
    """The features for each row of `table`, in its order; null where none was known, or none young enough.

    Both times hold times in UTC. Of several values for one entity and time the last one counts.
    """
    import pandas as pd

    from millrace.tables.pandas_types import keeping_integers

    names = [name for name in features.columns if name not in {*entity, event_time}]
    asked = pd.DataFrame({**{key: table[key] for key in entity}, _AT: _utc(table[time])})
    asked[_ROW] = range(len(asked))
    known = features.assign(**{_AT: _utc(features[event_time]) + known_after})
    known = keeping_integers(known.dropna(subset=[*entity, _AT])[[*entity, _AT, *names]])
    asked = asked.dropna(subset=[*entity, _AT])
    for key in entity:
        dtype = _common_dtype(asked[key], known[key])
        asked, known = asked.astype({key: dtype}), known.astype({key: dtype})
    found = pd.merge_asof(
        asked.sort_values(_AT, kind="stable"),
        known.sort_values(_AT, kind="stable"),
        on=_AT,
        by=entity or None,
        # A value's age counts from when it happened, not from when it became known.
        tolerance=None if max_age is None else max(max_age - known_after, timedelta(0)),
        direction="backward",
    )
    return found.set_index(_ROW)[names].reindex(range(len(table))).set_axis(table.index)


def _common_dtype(key: pd.Series, other: pd.Series) -> Any:
    """The dtype of two keys without nulls: whole numbers are doubles, or nullable, where nulls stood beside them."""
    kinds = {key.dtype.kind, other.dtype.kind}
    if kinds == {"b"}:
        return "bool"
    if not kinds <= set("iuf"):
        return key.dtype
    return "int64" if all(bool((values % 1 == 0).all()) for values in (key, other)) else "float64"


def _utc(values: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(values, utc=True).astype("datetime64[ns, UTC]")
