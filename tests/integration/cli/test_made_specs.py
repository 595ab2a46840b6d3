"""`millrace specs` as a person runs it, on a real MongoDB."""

from __future__ import annotations

import json

import pytest
from cli_helpers import millrace

pytestmark = pytest.mark.integration
TEXT = "name: prices\nsource: {type: sample, name: wine}\n"


def test_a_pipeline_goes_to_mongodb_and_comes_back(settings, tmp_path):
    (tmp_path / "pipelines").mkdir()
    file, home = tmp_path / "prices.yaml", settings.millrace_home
    file.write_text(TEXT)
    environment = {
        "MONGODB_URI": settings.mongodb,
        "MONGODB_DATABASE": settings.mongodb_database,
        "MILLRACE_PIPELINES_DIR": str(tmp_path / "pipelines"),
    }

    def specs(*arguments: str):
        return millrace("specs", *arguments, home=home, **environment)

    assert specs("list").stdout == "None yet. Make one: millrace specs push FILE\n"
    assert specs("push", str(file), "--note", "first").stdout == "prices is at version 1.\n"
    assert (settings.made_specs_dir / "prices.yaml").read_text() == TEXT
    file.write_text(TEXT + "description: better\n")
    stale = specs("push", str(file), "--version", "7")
    assert (stale.returncode, stale.stdout) == (1, "")
    assert "is at version 1, and this change was made against version 7" in stale.stderr
    assert specs("push", str(file)).stdout == "prices is at version 2.\n"
    assert specs("pull", "prices", "--version", "1").stdout == TEXT
    assert specs("retire", "prices").returncode == 0
    assert specs("sync", "--once").stderr == "0 changed.\n"
    assert not (settings.made_specs_dir / "prices.yaml").exists()
    assert specs("revert", "prices", "2").stdout == "prices is at version 4.\n"
    versions = json.loads(specs("history", "prices", "--json").stdout)
    assert [(v["version"], v["retired"], v["note"]) for v in versions] == [
        (4, False, "as version 2"), (3, True, ""), (2, False, ""), (1, False, "first")
    ]  # fmt: skip
    file.write_text(TEXT + "load: [{type: file, path: /tmp/x.csv}]\n")
    refused = specs("push", str(file))
    assert refused.returncode == 2
    assert "spec:3: load.0.type: a pipeline made through the API writes no files" in refused.stderr
