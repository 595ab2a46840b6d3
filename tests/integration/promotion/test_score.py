"""Scoring whole tables with a real model, from and to files, S3 and a database: the answers are the service's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from millrace.cli.addresses import sink_of, source_of
from millrace.errors import DataError, NotFoundError, SinkError
from millrace.settings import Settings, get_settings
from millrace.sources.base import Reading
from millrace.stages.batch_scoring.model import ScoringModel, chosen_version, opened
from millrace.stages.score import Job, score, scored_job
from serving.runtime.model_files import ModelFiles, open_model

pytestmark = pytest.mark.integration
CALENDAR = [{"step": "calendar", "column": "at", "parts": ["hour"]}]


@pytest.fixture(scope="module")
def trained(standing: Any) -> Any:
    standing.run(standing.spec(features=CALENDAR), standing.table())
    return standing


@pytest.fixture
def bench(trained: Any, twin: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installation with a champion, on whose S3 the sources and sinks work too."""
    monkeypatch.setenv("S3_ENDPOINT_URL", trained.settings.s3_endpoint)
    get_settings.cache_clear()
    yield twin(trained)
    get_settings.cache_clear()


@pytest.fixture
def model(bench: Any) -> ScoringModel:
    return opened(bench.registry, chosen_version(bench.registry, "weather", "champion"))


@pytest.fixture
def rows(bench: Any, tmp_path: Path) -> Path:
    """120,000 rows, which is more than two chunks, with an id that is no input."""
    frame = bench.table(rows=120_000, seed=3).drop(columns="load")
    frame.insert(0, "meter", [f"{n:06d}" for n in range(len(frame))])
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path)
    return path


def job(source: Any, sink: Any, **options: Any) -> Job:
    return Job(source=source_of(str(source)), sinks=[sink_of(str(sink))], run_id="r1", **options)


def test_the_answers_are_the_services_row_by_row(bench: Any, model: ScoringModel, rows: Path, tmp_path: Path) -> None:
    scored = scored_job(model, job(rows, tmp_path / "out.parquet"))
    assert (scored.rows, scored.rejected, scored.answered_by) == (120_000, 0, "compiled")
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert list(out.columns) == ["meter", "prediction", "model", "model_version"]
    assert list(out["meter"][[0, 119_999]]) == ["000000", "119999"]
    online = open_model(model.version, ModelFiles(tmp_path / "models").fetch(model.version, bench.registry.download))
    places = np.linspace(0, 119_999, 400).astype(int)
    sample = pd.read_parquet(rows).iloc[places].drop(columns="meter")
    asked = json.loads(sample.to_json(orient="records", date_format="iso", date_unit="us", double_precision=15))
    assert np.allclose(out["prediction"].iloc[places], online.predict(asked).values, rtol=1e-12)


def test_rows_that_do_not_fit_end_it_and_nothing_is_written(model: ScoringModel, rows: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(rows)
    frame.loc[70_001, "heat"] = np.inf
    frame.to_parquet(rows)
    (tmp_path / "out.csv").write_text("before\n")
    with pytest.raises(DataError, match=r"Row 70001 \(counted from 0\): field 'heat' is Infinity; a finite number"):
        scored_job(model, job(rows, tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text() == "before\n"
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out.csv"]


def test_rows_that_do_not_fit_may_be_set_aside(model: ScoringModel, tmp_path: Path) -> None:
    noon = "2026-01-01T12:00:00Z"
    lines = ["meter,at,heat,wind", f"a,{noon},20.5,1", "b,yesterday,20.5,1", f"c,{noon},warm,1"]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    kept: list[dict[str, Any]] = []

    def keep(path: Path) -> str:
        kept.extend(json.loads(line) for line in path.read_text().splitlines())
        return "kept"

    asked = job(tmp_path / "rows.csv", tmp_path / "out.jsonl", on_bad_rows="skip", keep_rejects=keep)
    scored = scored_job(model, asked)
    assert (scored.rows, scored.rejected, scored.rejects) == (1, 2, "kept")
    assert [(reject["row"], reject["values"]["meter"]) for reject in kept] == [(1, "b"), (2, "c")]
    assert [problem["field"] for reject in kept for problem in reject["problems"]] == ["at", "heat"]
    (answer,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (answer["meter"], answer["model_version"]) == ("a", "1")
    (tmp_path / "rows.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    with pytest.raises(DataError, match="None of 2 rows fits"):
        scored_job(model, asked)


def test_large_outputs_are_parts_that_are_exchanged_as_a_whole(model: ScoringModel, rows: Path, tmp_path: Path) -> None:
    sink = sink_of(str(tmp_path / "out"), rows_per_file=50_000)
    for _ in range(2):
        asked = Job(source=source_of(str(rows)), sinks=[sink], run_id="r1")
        assert scored_job(model, asked).deliveries[0]["files"] == 3
        names = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert names == ["_millrace.json", *[f"part-0000{n}.parquet" for n in range(3)]]
    parts = [pq.read_table(tmp_path / "out" / name) for name in names[1:]]
    assert [part.num_rows for part in parts] == [50_000, 50_000, 20_000]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(SinkError, match="no earlier delivery wrote"):
        scored_job(model, Job(source_of(str(rows)), [sink_of(str(tmp_path / "mine"), rows_per_file=1_000)], "r1"))


def test_s3_and_databases_on_both_sides(bench: Any, model: ScoringModel, rows: Path, tmp_path: Path) -> None:
    bucket, url = bench.settings.s3_bucket, f"sqlite:///{tmp_path / 'warehouse.db'}"
    uri = bench.artifacts.put_bytes("in/rows.parquet", rows.read_bytes())
    parts = sink_of(f"s3://{bucket}/scored", rows_per_file=70_000)
    assert scored_job(model, Job(source_of(uri), [parts], "r1")).deliveries[0]["files"] == 2
    fewer = Job(source_of(uri), [sink_of(f"s3://{bucket}/scored", rows_per_file=200_000)], "r1")
    assert scored_job(model, fewer).rows == 120_000
    assert not bench.artifacts.exists(f"s3://{bucket}/scored/part-00001.parquet")  # of the longer delivery before
    back = source_of(f"s3://{bucket}/scored/part-00000.parquet")
    first = pd.concat(list(back.read(Reading())))
    assert len(first) == 120_000

    engine = sa.create_engine(url)
    pd.read_parquet(rows).head(500).assign(at=lambda frame: frame["at"].astype(str)).to_sql("rows", engine, index=False)
    asked = Job(source_of(url, table="rows"), [sink_of(url, table="answers")], "r1")
    for _ in range(2):  # a retry of the same run adds nothing
        scored_job(model, asked)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*), count(prediction) FROM answers")).one() == (500, 500)


def test_a_version_is_named_by_alias_or_number(bench: Any) -> None:
    assert chosen_version(bench.registry, "weather", "1").version == "1"
    with pytest.raises(NotFoundError, match=r"no version 'challenger'.*It has: champion, 1"):
        chosen_version(bench.registry, "weather", "challenger")
    with pytest.raises(NotFoundError, match="no model 'wether'"):
        chosen_version(bench.registry, "wether", "champion")


def test_columns_of_the_answer_are_not_overwritten(model: ScoringModel, rows: Path, tmp_path: Path) -> None:
    pd.read_parquet(rows).head(10).assign(prediction=0).to_parquet(rows)
    with pytest.raises(DataError, match="column 'prediction' already"):
        scored_job(model, job(rows, tmp_path / "out.csv"))
    assert scored_job(model, job(rows, tmp_path / "out.csv", keep=["meter"])).rows == 10
    with pytest.raises(DataError, match="Did you mean 'meter'"):
        scored_job(model, job(rows, tmp_path / "out.csv", keep=["metre"]))


def test_the_stage_keeps_what_it_did_in_the_run_record(bench: Any, rows: Path, tmp_path: Path) -> None:
    pd.read_parquet(rows).head(100).assign(heat=lambda frame: frame["heat"].where(frame.index != 7)).to_parquet(rows)
    section = {
        "source": {"type": "file", "path": str(rows)},
        "sinks": [{"type": "file", "path": str(tmp_path / name)} for name in ("a.csv", "b.parquet")],
        "on_bad_rows": "skip",
    }
    context, _, _ = bench.run(bench.spec(features=CALENDAR, score=section), bench.table())
    scored = score(context)
    assert (scored.rows, scored.rejected) == (99, 1)
    assert len(pd.read_csv(tmp_path / "a.csv")) == len(pd.read_parquet(tmp_path / "b.parquet")) == 99
    stage = bench.runs.get_run(context.run_id)["stages"]["score"]
    assert stage["output"]["model_version"] == "1"
    assert "1 of 100 rows were set aside. Row 7" in stage["warnings"][0]
    assert bench.artifacts.exists(f"{scored.rejects}rejects.jsonl")


def test_classes_come_with_their_confidence(bench: Any, settings: Settings, tmp_path: Path) -> None:
    frame = bench.table()
    frame["load"] = np.where(frame["load"] > 40, "high", "low")
    parts = {
        "name": "classes",
        "features": CALENDAR,
        "task": "classification",
        "candidates": [{"estimator": "logistic_regression"}],
    }
    bench.run(bench.spec(**parts), frame)
    frame.drop(columns="load").to_parquet(tmp_path / "rows.parquet")
    model = opened(bench.registry, chosen_version(bench.registry, "classes", "champion"))
    scored_job(model, job(tmp_path / "rows.parquet", tmp_path / "out.parquet", probabilities=True))
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert list(out.columns)[:4] == ["prediction", "confidence", "probability_high", "probability_low"]
    assert np.allclose(out["confidence"], out[["probability_high", "probability_low"]].max(axis=1))
    assert (out["prediction"] == frame["load"]).mean() > 0.9
