"""Several versions of one model behind one address: shares, shadows and stand-ins, with real MLflow and S3."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from millrace.features.row_features import RowFeatures
from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore
from serving.runtime.split import Split

pytestmark = pytest.mark.integration
NAME = "mill-flow"
MODEL = f"/api/v1/models/{NAME}"


def asked(client: httpx.Client, row: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    response = client.post(f"{MODEL}/predict", json=row, headers={"X-Millrace-Key": key} if key else {})
    assert response.status_code == 200, response.text
    return response.json()


def recorded(settings: Settings, client: httpx.Client, wait: Any, count: int) -> list[dict[str, Any]]:
    """The predictions as the log has them, once there are so many."""
    from datetime import UTC, datetime, timedelta

    from millrace.stores.predictions import PredictionStore

    store, since = PredictionStore(settings), datetime.now(UTC) - timedelta(hours=1)
    wait(lambda: len(list(store.rows(NAME, since=since))) >= count)
    return list(store.rows(NAME, since=since))


def metric(client: httpx.Client, name: str, **labels: str) -> float:
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{") and wanted <= set(line.partition("{")[2].partition("}")[0].split(",")):
            return float(line.rpartition(" ")[2])
    return 0.0


def test_a_version_is_asked_by_its_number_or_its_alias(settings, two, row, start):
    first, second = two
    with start(settings) as client:
        low = asked(client, row)
        assert low["model_version"] == first
        for which in (second, "challenger"):
            answer = client.post(f"{MODEL}/versions/{which}/predict", json=row).json()
            assert answer["model_version"] == second
            assert answer["prediction"] > 6 * low["prediction"]
            batch = client.post(f"{MODEL}/versions/{which}/predict/batch", json=[row, row]).json()
            assert (batch["model_version"], batch["predictions"]) == (second, [answer["prediction"]] * 2)
        assert client.post(f"{MODEL}/versions/champion/predict", json=row).json()["model_version"] == first
        assert client.get(f"{MODEL}/versions/{second}/schema").json()["model_version"] == second
        for absent in ("9", "shadow", "x" * 300, "1e3", "٣"):
            refused = client.post(f"{MODEL}/versions/{absent}/predict", json=row)
            assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), absent
        unknown = client.post("/api/v1/models/nothing/versions/1/predict", json=row)
        assert unknown.status_code == 404
        bad = client.post(f"{MODEL}/versions/{second}/predict", json={**row, "T": "warm"})
        assert (bad.status_code, "'T'" in bad.json()["error"]) == (422, True)


def csv_of(*rows: dict[str, Any]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines).encode()


CSV = {"Content-Type": "text/csv"}


def test_a_version_predicts_tables_and_files_and_is_explained(settings, two_apart, row, start):
    _, second = two_apart
    with start(settings) as client:
        low = asked(client, row)["prediction"]
        for which in (second, "challenger"):
            at = f"{MODEL}/versions/{which}"
            expected = client.post(f"{at}/predict", json=row).json()["prediction"]
            assert expected > 6 * low
            table = client.post(f"{at}/predict/batch", content=csv_of(row, row), headers=CSV).json()
            assert (table["model_version"], table["predictions"]) == (second, [pytest.approx(expected)] * 2)
            asked_as = {"Accept": "text/csv"}
            answer = client.post(f"{at}/predict/batch", json=[row], headers=asked_as)
            assert float(answer.text.splitlines()[1]) == pytest.approx(expected)
            file = client.post(f"{at}/predict/file", content=csv_of(*[row] * 1_500), headers=CSV)
            assert (file.headers["x-millrace-model-version"], file.headers["x-millrace-rows"]) == (second, "1500")
            assert [float(line) for line in file.text.splitlines()[1:]] == [pytest.approx(expected)] * 1_500
            explained = client.post(f"{at}/explain", json=row)
            assert explained.status_code == 200, explained.text
            assert (explained.json()["model_version"], explained.json()["prediction"]) == (second, expected)
            (one,) = explained.json()["explanations"]
            total = one["base_value"] + sum(each["contribution"] for each in one["contributions"])
            assert total == pytest.approx(expected)
        assert client.post(f"{MODEL}/explain", json=row).json()["prediction"] == low
        assert not (settings.millrace_home / "models" / NAME / second).exists()  # a visitor leaves nothing on disk
        for path in ("predict/file", "explain"):
            absent = client.post(f"{MODEL}/versions/9/{path}", content=csv_of(row), headers=CSV)
            assert (absent.status_code, absent.json()["code"]) == (404, "not_found")


def test_requests_are_shared_out_by_their_key_and_recorded_with_their_variant(settings, two_apart, row, start, wait):
    first, second = two_apart
    with start(settings) as client:
        set_ = client.put(f"{MODEL}/traffic", json={"weights": {"champion": 70, "challenger": 30}})
        assert set_.status_code == 200, set_.text
        assert [(v["variant"], v["version"], v["share"], v["error"]) for v in set_.json()["variants"]] == [
            ("champion", first, 0.7, None),
            ("challenger", second, 0.3, None),
        ]
        split = Split(NAME, {"champion": 70, "challenger": 30})
        versions = {"champion": first, "challenger": second}
        keys = [f"customer-{number}" for number in range(60)]
        for key in keys:
            assert asked(client, row, key)["model_version"] == versions[split.pick(key)]
        by_request = client.post(f"{MODEL}/predict", json=row, headers={"X-Request-ID": "r-1"}).json()
        assert by_request["model_version"] == versions[split.pick("r-1")]
        found = recorded(settings, client, wait, 61)
        assert {(r["key"], r["variant"], r["version"]) for r in found if r["key"]} == {
            (key, split.pick(key), versions[split.pick(key)]) for key in keys
        }
        counts = {label: sum(split.pick(key) == label for key in [*keys, "r-1"]) for label in versions}
        for label, count in counts.items():
            assert metric(client, "prediction_rows_total", model=NAME, variant=label) == count


def test_every_worker_follows_and_a_restart_without_any_store_goes_on(settings, two, row, start, wait, away):
    _, second = two
    quick = settings.model_copy(update={"model_poll_seconds": 0.05})
    with start(quick) as one, start(quick) as other:
        assert one.put(f"{MODEL}/traffic", json={"weights": {"challenger": 1}}).status_code == 200
        assert asked(one, row)["model_version"] == second
        wait(lambda: asked(other, row)["model_version"] == second)
        wait((settings.millrace_home / "models" / NAME / second / "version.json").is_file)
    with start(away()) as alone:
        assert asked(alone, row)["model_version"] == second
        shown = alone.get(f"{MODEL}/traffic").json()
        assert (shown["weights"], shown["variants"][0]["error"]) == ({"challenger": 1.0}, None)
        refused = alone.delete(f"{MODEL}/traffic")
        assert refused.status_code == 503


def test_a_shadow_is_asked_unseen_and_recorded(settings, two_apart, row, start, wait):
    first, second = two_apart
    with start(settings) as client:
        assert client.put(f"{MODEL}/traffic", json={"shadow": "challenger"}).status_code == 200
        answers = [asked(client, {**row, "T": float(number)}, f"k{number}") for number in range(10)]
        assert {answer["model_version"] for answer in answers} == {first}
        found = recorded(settings, client, wait, 20)
        shadows = {r["key"]: r for r in found if r["variant"] == "shadow"}
        assert {r["version"] for r in shadows.values()} == {second}
        for number, answer in enumerate(answers):
            shadow = shadows[f"k{number}"]
            assert shadow["request_id"] == answer["request_id"]
            assert shadow["output"] > 6 * answer["prediction"]
        assert metric(client, "prediction_rows_total", model=NAME, variant="shadow") == 10


def test_a_shadow_that_lags_behind_drops_and_counts(settings, two, row, start, monkeypatch, wait):
    monkeypatch.setenv("SERVING_SHADOW_ROWS", "3")
    with start(settings) as client:
        assert client.put(f"{MODEL}/traffic", json={"shadow": "challenger"}).status_code == 200
        rows = [{**row, "T": float(number)} for number in range(4)]
        answer = client.post(f"{MODEL}/predict/batch", json=rows)
        assert (answer.status_code, len(answer.json()["predictions"])) == (200, 4)
        assert metric(client, "shadow_rows_dropped_total", model=NAME) == 4


def test_what_cannot_answer_in_the_champions_place_gets_no_share(settings, two, row, register, registry, inputs, start):
    first, second = two
    smaller = inputs.drop(columns=["district", "open", "observed_at", "RH"])
    narrow = make_pipeline(RowFeatures([]), Ridge()).fit(smaller, smaller["T"])
    third = register(narrow, "run-3")
    registry.set_alias(NAME, "champion", first)
    damaged = register(narrow, "run-4")
    registry.set_alias(NAME, "champion", first)
    location = registry._location(registry.version(NAME, damaged))
    S3ArtifactStore(settings).put_bytes(location.removeprefix(f"s3://{settings.s3_bucket}/") + "/model.skops", b"x")
    with start(settings) as client:
        for weights, status, word in (
            ({"champion": 1, third: 1}, 422, "does not take the field"),
            ({"champion": 1, damaged: 1}, 503, "cannot be loaded"),
            ({"champion": 1, "99": 1}, 404, "no version 99"),
            ({"champion": 1, "beta": 1}, 404, "beta"),
            ({"champion": 0}, 422, "all 0"),
            ({"champion": -1, second: 2}, 422, "between 0"),
            ({"champion": 1, "../x": 2}, 422, "names no variant"),
            ({}, 422, "weights"),
        ):
            refused = client.put(f"{MODEL}/traffic", json={"weights": weights})
            assert (refused.status_code, word in refused.json()["error"]) == (status, True), refused.text
        assert client.put("/api/v1/models/nothing/traffic", json={}).status_code == 404
        unchanged = client.get(f"{MODEL}/traffic").json()
        assert (unchanged["revision"], unchanged["weights"]) == (0, {"champion": 1.0})
        assert client.get("/health").json()["status"] == "healthy"
        assert asked(client, row)["model_version"] == first
        refused = client.post(f"{MODEL}/promote", json={"version": damaged})
        assert (refused.status_code, registry.champion(NAME).version) == (503, first)


def test_a_variant_that_goes_wrong_later_is_stood_in_for_and_told(settings, registry, two, row, start, wait):
    first, second = two
    quick = settings.model_copy(update={"model_poll_seconds": 0.05})
    with start(quick) as client:
        assert client.put(f"{MODEL}/traffic", json={"weights": {"challenger": 1}}).status_code == 200
        assert asked(client, row)["model_version"] == second
        registry._client.delete_registered_model_alias(NAME, "challenger")
        wait(lambda: asked(client, {**row, "T": 1.25})["model_version"] == first)
        health = client.get("/health").json()
        assert health["status"] == "partial"
        assert any("stands in for the variant 'challenger'" in problem for problem in health["problems"])
        assert metric(client, "prediction_fallbacks_total", model=NAME, variant="challenger") >= 1
        registry.set_alias(NAME, "challenger", second)
        wait(lambda: asked(client, row)["model_version"] == second)
        assert client.get("/health").json()["status"] == "healthy"


def test_a_variant_that_fails_on_a_row_costs_its_caller_nothing(settings, registry, register, fitted, row, start, wait):
    first = register(fitted(1.0))
    steep = fitted(1.0)
    steep[-1].coef_[0] = 1e302  # finite for its example, and not for a hot day
    second = register(steep, "run-2")
    registry.set_alias(NAME, "champion", first)
    hot = {**row, "T": 1e9}
    with start(settings) as client:
        expected = asked(client, hot)["prediction"]
        assert client.put(f"{MODEL}/traffic", json={"weights": {second: 1}}).status_code == 200
        assert asked(client, row)["model_version"] == second
        answer = asked(client, hot)
        assert (answer["model_version"], answer["prediction"]) == (first, expected)
        assert metric(client, "prediction_fallbacks_total", model=NAME, variant=second) == 1
        assert any("no finite number" in problem for problem in client.get("/health").json()["problems"])
        assert client.post(f"{MODEL}/versions/{second}/predict", json=hot).json()["code"] == "model_failed"
        found = recorded(settings, client, wait, 3)
        assert [(r["variant"], r["version"]) for r in found if r["features"]["T"] == 1e9] == [("champion", first)] * 2


def test_a_variant_that_fails_on_a_file_is_stood_in_for_until_its_answer_begins(
    settings, registry, register, fitted, row, start
):
    first = register(fitted(1.0))
    steep = fitted(1.0)
    steep[-1].coef_[0] = 1e302
    second = register(steep, "run-2")
    registry.set_alias(NAME, "champion", first)
    hot = {**row, "T": 1e9}
    with start(settings) as client:
        expected = asked(client, hot)["prediction"]
        assert client.put(f"{MODEL}/traffic", json={"weights": {second: 1}}).status_code == 200
        file = client.post(f"{MODEL}/predict/file", content=csv_of(row, hot, *[row] * 1_500), headers=CSV)
        assert (file.status_code, file.headers["x-millrace-model-version"]) == (200, first)
        assert float(file.text.splitlines()[2]) == pytest.approx(expected)
        assert len(file.text.splitlines()) == 1_503
        assert metric(client, "prediction_fallbacks_total", model=NAME, variant=second) == 1
        named = client.post(f"{MODEL}/versions/{second}/predict/file", content=csv_of(hot), headers=CSV)
        assert (named.status_code, named.json()["code"]) == (500, "model_failed")
        with pytest.raises(httpx.RemoteProtocolError):  # its header has named the variant
            client.post(f"{MODEL}/predict/file", content=csv_of(*[row] * 1_500, hot), headers=CSV)
