"""Each spec of include/pipelines, run in this process on the real public data: what it promises, it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import stores_of
from starlette.testclient import TestClient

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings, get_settings
from millrace.spec.catalogue import load_catalogue, load_spec
from serving.app import create_app

pytestmark = pytest.mark.integration
SPECS = Path(__file__).parents[2] / "include" / "pipelines"
Run = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def run(
    new_installation: Callable[[Path], Settings], data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """Runs a spec by its name in one installation; a pipeline that it follows runs before it, and each only once."""
    settings = new_installation(tmp_path_factory.mktemp("examples") / "home")
    done: dict[str, dict[str, Any]] = {}

    def once(name: str) -> dict[str, Any]:
        if name not in done:
            loaded = load_spec(SPECS / f"{name}.yaml")
            for asset in getattr(loaded.spec.schedule, "assets", []):
                once(asset.partition("/")[2])
            done[name] = run_pipeline(open_context(loaded, new_run_id(loaded.spec)))
        return done[name]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MILLRACE_HOME": str(settings.millrace_home), **stores_of(settings)}.items():
            patch.setenv(name, value)
        patch.setenv("DATA_DIR", str(data_dir))
        patch.setenv("MILLRACE_TRAIN_THREADS", "1")
        get_settings.cache_clear()
        yield once
    get_settings.cache_clear()


def test_the_specs_are_without_fault_and_without_a_schedule_of_their_own() -> None:
    """A stack that comes up runs nothing but what a person starts; a spec may follow another one's asset."""
    catalogue = load_catalogue(SPECS)
    assert not catalogue.problems
    assert [name for name, loaded in catalogue.specs.items() if isinstance(loaded.spec.schedule, str)] == []


@pytest.mark.parametrize("name", sorted(path.stem for path in SPECS.glob("*.yaml")))
def test_a_spec_runs_on_the_real_data_and_keeps_its_limit(run: Run, name: str) -> None:
    summary = run(name)
    assert summary["status"] == "success", summary["error"]
    spec = load_spec(SPECS / f"{name}.yaml").spec
    assert (SPECS / f"{name}.yaml").stem == spec.name
    assert not any("fallback" in warning for warning in summary["warnings"])
    if spec.task is not None:
        assert summary["promoted"], summary["reason"]
        assert summary["best"] not in {None, "baseline"}


def test_the_counts_give_the_traffic_away_and_the_run_says_so(run: Run) -> None:
    assert any("Leakage?" in warning for warning in run("traffic-from-counts")["warnings"])
    ahead = run("traffic-ahead")["warnings"]
    assert not any("Leakage?" in warning for warning in ahead)
    assert any("192 of 2,976 rows, e.g. Sunday for Saturday, 2023-10-21" in warning for warning in ahead)


def test_one_table_feeds_two_trainings(run: Run) -> None:
    delivered = run("ev-registrations")["rows"]["transformed"]
    assert delivered == 4_601
    assert run("ev-segments")["rows"]["extracted"] == run("ev-range")["rows"]["extracted"] == delivered
    clusters = run("ev-segments")["breakdown"]["clusters"]
    assert sum(one["rows"] for one in clusters) == delivered
    assert all(one["sentence"] for one in clusters)


def test_the_forecast_is_served_with_who_meets_it(run: Run) -> None:
    summary = run("energy-mix")
    assert summary["status"] == "success", summary["error"]
    spec = load_spec(SPECS / "energy-mix.yaml").spec
    assert spec.allocation is not None
    with TestClient(create_app(get_settings())) as client:
        answer = client.get("/api/v1/forecasts", params={"pipeline": "energy-mix"})
    assert answer.status_code == 200, answer.text
    found = answer.json()["forecasts"]
    assert len(found) == 24
    for one in found:
        outputs = one["allocation"]["outputs"]
        assert sum(outputs.values()) == pytest.approx(one["demand"], abs=0.01)
        assert all(-1e-6 <= outputs[source.name] <= source.capacity for source in spec.allocation.sources)
        assert one["allocation"]["conflicts"] == []
    assert found[2]["allocation"]["outputs"]["solar"] < found[12]["allocation"]["outputs"]["solar"]


def test_each_species_has_its_row(run: Run) -> None:
    classes = run("penguins")["breakdown"]["classes"]
    assert [one["class"] for one in classes] == ["Adelie", "Chinstrap", "Gentoo"]
    assert min(one["f1"] for one in classes) > 0.9
