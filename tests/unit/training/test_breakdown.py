"""The report of each class is scikit-learn's; the profile of a cluster says what was built into it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, confusion_matrix

from millrace.cli.breakdown import breakdown_lines
from millrace.stages.evaluation.plots import drawn_breakdown
from millrace.stages.metrics.class_report import MAX_CLASSES, class_report
from millrace.stages.metrics.cluster_profile import cluster_profile
from millrace.stages.metrics.scoring import Answer

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=60)


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning:sklearn")
@examples(50)
@given(LABELS)
def test_classes_agree_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, said = (np.array(side, dtype=object) for side in zip(*pairs, strict=True))
    report = class_report(truth, Answer(said))
    known = classification_report(truth, said, output_dict=True, zero_division=0)
    for one in report["classes"]:
        theirs = known[one["class"]]
        assert (one["precision"] or 0, one["recall"] or 0, one["f1"], one["support"]) == pytest.approx(
            (theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"])
        )
        assert (one["precision"] is None) == (one["class"] not in said)
        assert (one["recall"] is None) == (one["class"] not in truth)
    assert report["confusion"] == confusion_matrix(truth, said).tolist()
    json.dumps(report, allow_nan=False)


def test_many_classes_are_cut_to_the_commonest_and_it_says_so() -> None:
    truth = np.array([f"c{i:03}" for i in range(MAX_CLASSES + 7) for _ in range(1 if i < 7 else 2)], dtype=object)
    report = class_report(truth, Answer(truth))
    assert len(report["classes"]) == len(report["confusion"]) == MAX_CLASSES
    assert report["classes_left_out"] == 7
    assert min(one["support"] for one in report["classes"]) == 2


def vehicles() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [300, 200, 100])
    frame = pd.DataFrame(
        {
            "range": np.where(labels == 1, rng.normal(300, 10, 600), rng.normal(40, 10, 600)),
            "make": np.where(labels == 2, "VOLT", rng.choice(["NISSAN", "FORD"], 600)),
            "noise": rng.normal(size=600),
            "price": np.where(labels == 2, np.nan, 30_000.0),
            "seen": pd.date_range("2020-01-01", periods=600, freq="D", tz="UTC"),
            "constant": 1,
            "empty": np.nan,
        }
    )
    return frame, labels


def test_a_profile_names_what_makes_each_cluster() -> None:
    profile = cluster_profile(*vehicles())
    assert [(one["cluster"], one["rows"]) for one in profile["clusters"]] == [(0, 300), (1, 200), (2, 100)]
    by_name = {one["cluster"]: one for one in profile["clusters"]}
    first = by_name[1]["traits"][0]
    assert (first["column"], first["of"]) == ("range", "median")
    assert first["value"] > 290
    assert first["difference"] > 1
    assert (
        "range higher (median 299.8, overall 46.44); seen later (median 2021-02-03, overall 2020-10-26)"
        in by_name[1]["sentence"]
    )
    assert "make VOLT (100%, overall 17%)" in by_name[2]["sentence"]
    assert "price missing (100%, overall 17%)" in by_name[2]["sentence"]
    assert "make never VOLT" in by_name[0]["sentence"]
    assert not any("noise" in one["sentence"] or "constant" in one["sentence"] for one in profile["clusters"])
    json.dumps(profile, allow_nan=False)
    assert breakdown_lines(profile) == [one["sentence"] for one in profile["clusters"]]
    assert drawn_breakdown(profile)["profile"].startswith(b"\x89PNG")


def test_clusters_without_a_difference_are_told_as_such() -> None:
    frame = pd.DataFrame({"x": np.tile([1.0, 2.0], 50), "flag": np.tile([True, False], 50)})
    profile = cluster_profile(frame, np.repeat([0, 1], 50))
    assert all("much like the table" in one["sentence"] for one in profile["clusters"])


@examples(40)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e300, 1e300)), st.one_of(st.none(), st.text(max_size=3)), st.integers(0, 3)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_table_has_a_finite_profile_whose_sizes_add_up(rows: list[tuple[float | None, str | None, int]]) -> None:
    frame = pd.DataFrame({"x": [row[0] for row in rows], "t": [row[1] for row in rows]})
    profile = cluster_profile(frame, np.array([row[2] for row in rows]))
    assert sum(one["rows"] for one in profile["clusters"]) == len(rows)
    json.dumps(profile, allow_nan=False)
