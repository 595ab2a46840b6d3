"""Checks of a pipeline that serves, on the real stores: which alerts open, which end, and when it trains again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.integration
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_twenty_undrifted_windows_raise_nothing(mill: Any, table: Any) -> None:
    for number in range(20):
        start = NOON + number * HOUR
        mill.ask(table(400, 100 + number), start)
        report = mill.check(start + HOUR, retrain="on_drift")
        assert (report.findings, report.retrain) == ([], False)
        assert report.parts["live"].figures == {"predictions": 400}
    assert mill.alerts() == []


def test_a_shifted_stream_raises_the_right_alerts_and_trains_again_once(mill: Any, table: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), NOON)
    first = mill.check(NOON + HOUR, retrain="on_drift")
    assert first.retrain
    assert "The live features have drifted in" in first.reason
    assert ("data_drift", "features", "critical") in mill.alerts("open")
    assert ("prediction_drift", "flow", "critical") in mill.alerts("open")
    before = mill.alerts()
    again = mill.check(NOON + HOUR, retrain="on_drift")
    assert (again.retrain, again.reason) == (False, "A retraining was set off less than 1 day ago.")
    assert mill.alerts() == before  # brought up to date, not told twice


def test_a_check_that_is_repeated_says_the_same(mill: Any, table: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), NOON)
    reports = [mill.check(NOON + HOUR, run_id="monitoring.mill--same", retrain="on_drift") for _ in range(2)]
    assert [report.retrain for report in reports] == [True, True]
    from millrace.stores.monitoring import MonitoringStore

    assert len(MonitoringStore(mill.settings).reports("mill")) == 1


def test_of_many_checks_at_once_one_sets_off_the_retraining(mill: Any) -> None:
    from millrace.stores.monitoring import MonitoringStore

    store, won = MonitoringStore(mill.settings), []
    gate = threading.Barrier(8)

    def claim(number: int) -> None:
        gate.wait()
        if store.claim_retraining("mill", f"check-{number}", timedelta(hours=1), {}):
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.claim_retraining("mill", "later", timedelta(0), {})


def test_alerts_end_when_their_condition_is_gone_and_stay_while_nothing_is_known(mill: Any, table: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), NOON)
    mill.check(NOON + HOUR)
    opened = mill.alerts("active")
    mill.check(NOON + 5 * HOUR)  # nobody asked: nothing can be said
    assert mill.alerts("active") == opened
    mill.ask(table(400, 2), NOON + 6 * HOUR)
    report = mill.check(NOON + 7 * HOUR)
    assert len(report.resolved) == len(opened)
    assert mill.alerts("active") == []


def test_a_person_may_have_the_last_word(mill: Any, table: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), NOON)
    mill.check(NOON + HOUR, resolve="human")
    opened = mill.alerts("active")
    mill.ask(table(400, 2), NOON + 6 * HOUR)
    assert mill.check(NOON + 7 * HOUR, resolve="human").resolved == []
    assert mill.alerts("active") == opened


def test_drift_that_may_not_train_only_alerts(mill: Any, table: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), NOON)
    report = mill.check(NOON + HOUR)
    assert (report.retrain, report.reason) == (False, "monitoring.retrain is never.")


def test_too_few_predictions_are_not_judged(mill: Any, table: Any) -> None:
    mill.ask(table(100, 1, shift=1.0), NOON)
    report = mill.check(NOON + HOUR, retrain="on_drift")
    assert (report.findings, report.retrain) == ([], False)
    assert report.parts["live"].notes == ["100 predictions of version 1 in the window; fewer than min_samples."]


def test_masked_columns_are_named_and_not_compared(mill: Any, table: Any) -> None:
    rows = table(400, 1)
    answers = mill.answers(rows.drop(columns="flow"))
    mill.ask(rows.assign(gate="***"), NOON, answers)
    report = mill.check(NOON + HOUR)
    assert report.findings == []
    assert report.parts["live"].notes == ["'gate' is masked in the prediction log and not compared."]
    (skipped,) = report.parts["live"].comparisons["features"].skipped
    assert (skipped.column, skipped.reason) == ("gate", "not in the compared table")


def test_the_pages_are_kept_as_artifacts(mill: Any, table: Any) -> None:
    from millrace.stores.artifacts import S3ArtifactStore

    mill.ask(table(400, 1, shift=1.0), NOON)
    pages = mill.check(NOON + HOUR).parts["live"].pages
    artifacts = S3ArtifactStore(mill.settings)
    assert artifacts.get_bytes(pages["features_html"]).lstrip().startswith(b"<")
    assert b"ValueDrift(column=level" in artifacts.get_bytes(pages["features_json"])


def test_the_reference_is_kept_when_a_version_is_registered_and_made_where_it_is_lost(mill: Any) -> None:
    from millrace.stages.monitor import open_monitor
    from millrace.stages.monitoring.reference import reference_of
    from millrace.stores.mongo import MongoStore

    context = open_monitor(mill.loaded.spec, "x", mill.settings)
    assert context is not None
    kept = context.runs.model_record("mill", "1")["reference"]
    assert kept["rows"] == 3_000
    first = reference_of(mill.version, context.runs, context.artifacts, context.registry)
    MongoStore(mill.settings).collection("models").update_one({"_id": "mill/1"}, {"$unset": {"reference": ""}})
    again = reference_of(mill.version, context.runs, context.artifacts, context.registry)
    assert first.inputs.equals(again.inputs)
    assert first.answers.equals(again.answers)
    assert len(first.answers) == 600
    assert context.runs.model_record("mill", "1")["reference"] == kept


def tell(mill: Any, ids: list[str], truths: list[float]) -> None:
    from millrace.stores.predictions import PredictionStore

    store, version = PredictionStore(mill.settings), mill.version.version
    for identity, truth in zip(ids, truths, strict=True):
        about = {"request_id": identity, "row": 0, "model": "mill", "version": version}
        store.record_feedback({"_id": f"request/{identity}/0", **about, "truth": truth})


def test_live_quality_is_watched_once_the_truth_is_known(mill: Any, table: Any) -> None:
    rows = table(300, 5)
    ids = mill.ask(rows, NOON)
    asked = {"drift": False, "live_quality": True}
    unknown = mill.check(NOON + HOUR, **asked)
    assert (unknown.findings, len(unknown.parts["quality"].notes)) == ([], 1)
    tell(mill, ids, list(rows["flow"]))
    assert mill.check(NOON + HOUR, **asked).findings == []
    tell(mill, ids, list(rows["flow"] + 2))
    (finding,) = mill.check(NOON + HOUR, **asked).findings
    assert (finding.kind, finding.subject, finding.severity) == ("live_quality", "rmse", "critical")
    assert "is worse than held-out" in finding.message
    tell(mill, ids, list(rows["flow"]))
    assert len(mill.check(NOON + HOUR, **asked).resolved) == 1


def test_only_the_newest_checks_keep_their_pages(mill: Any, table: Any) -> None:
    from millrace.stores.artifacts import S3ArtifactStore
    from millrace.stores.monitoring import MonitoringStore

    artifacts, reports = S3ArtifactStore(mill.settings), MonitoringStore(mill.settings)
    artifacts.keep_newest("monitoring/mill/", 0)
    other = artifacts.put_bytes("monitoring/mill-two/old/features.html", b"another pipeline's")
    for number in range(3):
        mill.ask(table(400, number, shift=1.0), NOON + number * HOUR)
        mill.check(NOON + (number + 1) * HOUR, run_id=f"check-{number}", keep_pages=2)
    oldest, *newer = reversed(reports.reports("mill"))
    assert (oldest["_id"], oldest["pages_removed"], oldest["parts"]["live"]["pages"]) == ("check-0", True, {})
    assert oldest["parts"]["live"]["findings"], "the figures stay"
    for report in newer:
        assert set(report["parts"]["live"]["pages"]) == {"features_html", "features_json"}
        assert all(artifacts.exists(uri) for uri in report["parts"]["live"]["pages"].values())
    assert not artifacts.exists(f"s3://{artifacts.bucket}/monitoring/mill/check-0/features.html")
    assert artifacts.exists(other)
