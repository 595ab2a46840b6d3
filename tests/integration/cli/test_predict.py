"""Predictions are asked of the service, in batches where there are many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cli_helpers import Answer, http_server, millrace

from millrace.cli.rows import read_rows

SENT: list[Any] = []


def service(method: str, path: str, body: Any, _: dict[str, str]) -> Answer:
    SENT.append(body)
    if path == "/api/v1/models/double/schema":
        return 200, {"success": True, "example": {"x": 1.5}}
    if path.startswith("/api/v1/models/absent/"):
        return 404, {"success": False, "error": "There is no model 'absent'.", "code": "not_found"}
    if path.endswith("/batch"):
        predictions = [None if row["x"] is None else row["x"] * 2 for row in body]
        return 200, {"success": True, "predictions": predictions, "model_version": "3", "request_id": "r"}
    return 200, {"success": True, "prediction": body["x"] * 2, "model_version": "3", "request_id": "r"}


def test_one_row(tmp_path: Path) -> None:
    with http_server(service) as url:
        outcome = millrace("predict", "double", "--json", '{"x": 4}', home=tmp_path, SERVICE_URL=url)
    assert outcome.returncode == 0
    assert json.loads(outcome.stdout)["prediction"] == 8


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_rows_of_a_file_keep_their_order_and_their_nulls(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"x": [1.5, None, 3.0], "name": ["Ulm", "Bonn", None]})
    path = tmp_path / f"rows.{kind}"
    writers = {
        "csv": lambda: frame.to_csv(path, index=False),
        "json": lambda: frame.to_json(path, orient="records"),
        "parquet": lambda: frame.to_parquet(path),
    }
    writers[kind]()
    assert read_rows(path) == [{"x": 1.5, "name": "Ulm"}, {"x": None, "name": "Bonn"}, {"x": 3.0, "name": None}]


def test_many_rows_are_sent_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x\n" + "".join(f"{i}\n" for i in range(1200)))
    SENT.clear()
    with http_server(service) as url:
        outcome = millrace("predict", "double", "--file", str(path), home=tmp_path, SERVICE_URL=url)
    assert outcome.returncode == 0, outcome.stderr
    assert [len(rows) for rows in SENT] == [500, 500, 200]
    assert json.loads(outcome.stdout)["predictions"] == [2 * i for i in range(1200)]


def test_what_the_service_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    with http_server(service) as url:
        outcome = millrace("predict", "absent", "--json", '{"x": 4}', home=tmp_path, SERVICE_URL=url)
    assert outcome.returncode == 1
    assert outcome.stderr == "error: There is no model 'absent'.\n"


def test_a_service_that_is_not_there_says_how_to_start_it(tmp_path: Path) -> None:
    outcome = millrace("predict", "double", "--json", '{"x": 4}', home=tmp_path, SERVICE_URL="http://127.0.0.1:9")
    assert outcome.returncode == 1
    assert "millrace up" in outcome.stderr


def test_another_program_on_the_port_is_told(tmp_path: Path) -> None:
    with http_server(lambda *_: (200, b"<html>")) as url:
        outcome = millrace("predict", "double", "--json", '{"x": 4}', home=tmp_path, SERVICE_URL=url)
    assert outcome.returncode == 1
    assert "not the service's JSON" in outcome.stderr


def test_a_key_is_sent_and_a_limit_is_waited_for(tmp_path: Path) -> None:
    keys: list[str | None] = []

    def limited(method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        keys.append(headers.get("X-API-Key"))
        if len(keys) < 3:
            return 429, {"success": False, "error": "Too many.", "code": "too_many_requests"}
        return 200, {"success": True, "prediction": 1, "model_version": "3", "request_id": "r"}

    with http_server(limited) as url:
        outcome = millrace(
            "predict", "double", "--json", '{"x": 4}', home=tmp_path, SERVICE_URL=url, MILLRACE_API_KEY="mr_key"
        )
    assert outcome.returncode == 0
    assert keys == ["mr_key"] * 3


def test_a_row_to_start_from(tmp_path: Path) -> None:
    with http_server(service) as url:
        outcome = millrace("predict", "double", "--example", home=tmp_path, SERVICE_URL=url)
    assert json.loads(outcome.stdout) == {"x": 1.5}


def test_every_kind_of_problem_is_told_with_its_place_in_the_file(tmp_path: Path) -> None:
    def strict(method: str, path: str, body: Any, _: dict[str, str]) -> Answer:
        if len(body) == 500:
            return 200, {"success": True, "predictions": [0] * 500, "model_version": "3"}
        problems = [{"row": row, "field": "x", "problem": "is missing"} for row in range(len(body))]
        problems.insert(3, {"row": 2, "field": "id", "problem": "is no input of this model"})
        return 422, {"success": False, "error": "Row 0: … in the details.", "details": {"errors": problems}}

    path = tmp_path / "rows.csv"
    path.write_text("x\n" + "1\n" * 512)
    with http_server(strict) as url:
        outcome = millrace("predict", "double", "--file", str(path), home=tmp_path, SERVICE_URL=url)
    lines = [line.strip() for line in outcome.stderr.splitlines() if "rows" not in line]
    assert lines[0] == "error: Row 501: field 'x' is missing."
    assert lines[1:2] == ["Row 503: field 'id' is no input of this model."]
    assert lines[2].startswith("and 11 more. 'millrace score' carries")
