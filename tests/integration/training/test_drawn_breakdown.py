"""The plot of a profile of clusters is drawn whatever is in the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.stages.evaluation.plots import drawn_breakdown
from millrace.stages.metrics.cluster_profile import cluster_profile

VALUES = st.one_of(st.none(), st.floats(-1e300, 1e300))
TEXTS = st.one_of(st.none(), st.text(max_size=3))


@examples(40)
@given(st.lists(st.tuples(VALUES, TEXTS, st.integers(0, 3)), min_size=1, max_size=40))
def test_any_profile_is_drawn(rows: list[tuple[float | None, str | None, int]]) -> None:
    frame = pd.DataFrame({"x": [row[0] for row in rows], "t": [row[1] for row in rows]})
    assert all(
        plot.startswith(b"\x89PNG")
        for plot in drawn_breakdown(cluster_profile(frame, np.array([row[2] for row in rows]))).values()
    )
