"""Traffic, promotions and returns while requests come: none fails, and every answer belongs to the version it names."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import httpx
import pytest

from millrace.compiled.form import compiled_form

pytestmark = pytest.mark.integration
NAME = "mill-flow"
MODEL = f"/api/v1/models/{NAME}"
CALLERS, MOVES = 3, 10


@pytest.mark.parametrize("is_compiled", [True, False])
def test_moves_under_load_cost_no_request_and_mix_no_answers(
    settings, registry, register, fitted, inputs, start, is_compiled
):
    versions = []
    for factor in (1.0, 7.0, 30.0):
        model = fitted(factor)
        files = compiled_form(model, inputs).files() if is_compiled else {}
        versions.append(register(model, f"run-{factor}", files=files))
    first, second, third = versions
    registry.set_alias(NAME, "champion", first)
    registry.set_alias(NAME, "challenger", second)
    rows: list[dict[str, Any]] = json.loads(inputs.dropna().head(12).to_json(orient="records", date_format="iso"))
    with start(settings) as client:
        expected = {
            version: [
                answer["prediction"]
                for row in rows
                if (answer := client.post(f"{MODEL}/versions/{version}/predict", json=row).json())
            ]
            for version in versions
        }
        stop, seen, wrong = threading.Event(), Counter[str](), list[Any]()

        def ask(caller: int) -> None:
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                number = caller
                while not stop.is_set():
                    number += 1
                    place = number % len(rows)
                    answer = own.post(
                        f"{MODEL}/predict", json=rows[place], headers={"X-Millrace-Key": f"{caller}-{number}"}
                    )
                    said = answer.json()
                    if answer.status_code != 200 or said["prediction"] != pytest.approx(
                        expected[said["model_version"]][place], rel=1e-9
                    ):
                        wrong.append(said)
                    else:
                        seen[said["model_version"]] += 1

        threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(CALLERS)]
        for thread in threads:
            thread.start()
        weights = {"champion": 1, "challenger": 1, third: 1}
        moves = [
            client.put(f"{MODEL}/traffic", json={"weights": weights, "shadow": third}),
            *(client.post(f"{MODEL}/promote", json={"version": versions[n % 3]}) for n in range(1, MOVES)),
            client.post(f"{MODEL}/rollback"),
            client.delete(f"{MODEL}/traffic"),
        ]
        stop.set()
        for thread in threads:
            thread.join()
    assert [move.status_code for move in moves] == [200] * len(moves)
    assert wrong == []
    assert set(seen) == set(versions)
