"""Pipelines made through the API, on a real MongoDB: versions, writers at once, the audit log, copies on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from millrace.accounts.trail import Actor, AuditTrail
from millrace.authoring.checking import check_text
from millrace.authoring.errors import NoVersionError, StaleVersionError
from millrace.authoring.mirror import Mirror
from millrace.authoring.pipelines import MadePipelines
from millrace.errors import ConflictError, NotFoundError, SpecError, StorageError
from millrace.settings import Settings
from millrace.spec.installed import find_spec, installed_specs
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.pipelines import MongoPipelines

pytestmark = pytest.mark.integration
OTTO = Actor("otto", "user", "127.0.0.1")
TEXT = "name: prices\nsource: {type: sample, name: wine}\n"
OTHER = TEXT + "description: better\r\n"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "pipelines").mkdir()
    return settings.model_copy(update={"millrace_pipelines_dir": tmp_path / "pipelines"})


@pytest.fixture
def pipelines(settings: Settings) -> MadePipelines:
    return MadePipelines(settings, MongoPipelines(settings), AuditTrail(MongoAuditLog(settings)))


@pytest.fixture
def mirror(settings: Settings) -> Mirror:
    return Mirror(settings, MongoPipelines(settings))


def test_every_version_stays(pipelines):
    assert pipelines.newest("prices") is None
    first = pipelines.put(OTTO, "prices", TEXT, None, "first")
    second = pipelines.put(OTTO, "prices", OTHER, 1)
    assert (first.version, second.version) == (1, 2)
    assert pipelines.put(OTTO, "prices", OTHER, 2).version == 2  # nothing changed
    gone = pipelines.retire(OTTO, "prices", 2)
    assert gone.retired
    assert gone.version == 3
    assert pipelines.listed() == []
    with pytest.raises(NotFoundError, match="is retired"):
        pipelines.present("prices")
    back = pipelines.revert(OTTO, "prices", 1, None)
    assert (back.version, back.text, back.note) == (4, TEXT, "as version 1")
    assert [(v.version, v.retired, v.text) for v in pipelines.versions("prices")] == [
        (4, False, ""), (3, True, ""), (2, False, ""), (1, False, "")
    ]  # fmt: skip
    assert [v.version for v in pipelines.versions("prices", limit=2, before=3)] == [2, 1]
    assert pipelines.version("prices", 2).text == OTHER
    assert pipelines.listed()[0].sha256 == first.sha256


def test_a_change_names_the_version_that_it_was_made_against(pipelines):
    with pytest.raises(StaleVersionError, match="is not there"):
        pipelines.put(OTTO, "prices", TEXT, 1)
    pipelines.put(OTTO, "prices", TEXT, None)
    with pytest.raises(NoVersionError, match="at version 1"):
        pipelines.put(OTTO, "prices", OTHER, None)
    pipelines.put(OTTO, "prices", OTHER, 1)
    with pytest.raises(StaleVersionError, match=r"at version 2, .* against version 1"):
        pipelines.put(OTTO, "prices", TEXT, 1)
    with pytest.raises(StaleVersionError):
        pipelines.retire(OTTO, "prices", 1)


def test_of_writers_at_once_one_wins(pipelines):
    pipelines.put(OTTO, "prices", TEXT, None)

    def write(number: int) -> bool:
        try:
            pipelines.put(OTTO, "prices", f"{TEXT}description: by {number}\n", 1)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1
    assert pipelines.present("prices").version == 2


def test_each_change_is_in_the_audit_log(pipelines, settings):
    pipelines.put(OTTO, "prices", TEXT, None)
    pipelines.put(OTTO, "prices", OTHER, 1)
    pipelines.retire(OTTO, "prices", 2, "no more")
    entries = MongoAuditLog(settings).entries(limit=10)
    assert [entry["action"] for entry in entries] == ["pipeline.retire", "pipeline.change", "pipeline.create"]
    assert {entry["target"] for entry in entries} == {"pipeline:prices"}
    assert (entries[0]["before"]["version"], entries[0]["after"]["note"]) == (2, "no more")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("prices", "others"), "the text says 'others'"),
        (TEXT + "x: 1\n", "spec:3: x: unknown key"),
        (TEXT + "load: [{type: file, path: /tmp/x.csv}]\n", "writes no files"),
        (TEXT + "description: '\ud800'\n", "no text in UTF-8"),
        (TEXT + "#" * 100_001, "at most 100,000 characters"),
    ],
)
def test_what_cannot_be_used_is_not_kept(pipelines, text, words):
    with pytest.raises(SpecError, match=words):
        pipelines.put(OTTO, "prices", text, None)
    assert pipelines.newest("prices") is None


def test_a_check_names_each_line(settings):
    found = check_text("name: prices\nsource: {type: sample, name: wien}\nownr: me\n", settings)
    assert found.loaded is None
    assert [problem["line"] for problem in found.errors] == [2, 3]
    assert "Did you mean 'wine'" in found.errors[0]["message"]
    assert "Did you mean 'owner'" in found.errors[1]["message"]
    broken = check_text("name: prices\nsource: [\n", settings)
    assert broken.errors[0]["message"].startswith("this is not YAML")
    good = check_text(TEXT, settings)
    assert good.loaded is not None
    assert "neither a task nor a sink" in good.warnings[0]
    absent = check_text(TEXT + "load: [{type: sql, url: '${credential:lake}', table: t}]\n", settings)
    assert absent.warnings == ["the credential 'lake' is not stored yet: millrace credentials set lake."]


def test_a_name_of_a_file_is_taken(settings):
    (settings.millrace_pipelines_dir / "prices.yaml").write_text(TEXT)
    assert "the name 'prices' is taken" in check_text(TEXT, settings).errors[0]["message"]


def test_a_pipeline_that_would_wait_for_itself_is_refused(pipelines, settings, mirror):
    pipelines.put(OTTO, "prices", TEXT + "schedule: {assets: [dataset/costs]}\n", None)
    mirror.look()
    found = check_text(TEXT.replace("prices", "costs") + "schedule: {assets: [dataset/prices]}\n", settings)
    assert found.errors[0]["line"] == 3
    assert "makes a cycle: costs -> prices -> costs" in found.errors[0]["message"]


def test_the_copies_follow(pipelines, settings, mirror):
    pipelines.put(OTTO, "prices", TEXT, None)
    pipelines.put(OTTO, "costs", TEXT.replace("prices", "costs"), None)
    assert mirror.look() == ["costs", "prices"]
    assert mirror.look() == []
    pipelines.put(OTTO, "prices", OTHER, 1)
    assert mirror.look() == ["prices"]
    assert (settings.made_specs_dir / "prices.yaml").read_bytes() == OTHER.encode()
    assert mirror.look() == []
    assert find_spec(settings, "prices").spec.description == "better"
    pipelines.retire(OTTO, "prices", 2)
    assert mirror.look() == ["prices"]
    assert list(installed_specs(settings).specs) == ["costs"]
    (settings.made_specs_dir / "costs.yaml").write_text("name: tampered")
    assert mirror.look() == ["costs"]
    assert find_spec(settings, "costs").made


def test_while_mongodb_is_away_the_copies_stay(pipelines, settings, mirror):
    pipelines.put(OTTO, "prices", TEXT, None)
    mirror.look()
    away = settings.model_copy(update={"millrace_port_base": 1024, "mongodb_uri": None})
    lost = Mirror(away, MongoPipelines(away))
    with pytest.raises(StorageError):
        lost.look()
    lost.try_look()
    assert find_spec(away, "prices").made


def test_a_name_that_is_no_name_is_not_copied(settings, mirror, pipelines):
    first = pipelines.put(OTTO, "prices", TEXT, None)
    MongoPipelines(settings).add(first.model_copy(update={"pipeline": "../pipelines/x"}))
    assert mirror.look() == ["prices"]
    assert list(settings.millrace_pipelines_dir.iterdir()) == []
