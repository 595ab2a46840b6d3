"""Pipelines without a file become DAGs like those with one, and one that reaches too far is shown as broken."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration
TEXT = "name: {name}\nsource: {{type: sample, name: wine}}\n"


def test_copies_of_made_specs_become_dags(parse_dags):
    far = TEXT.format(name="far") + "load: [{type: file, path: /tmp/x.csv}]\n"
    made = {"flowers": TEXT.format(name="flowers"), "far": far}
    found = parse_dags({"filed": TEXT.format(name="filed")}, made)
    assert {"filed", "flowers"} <= set(found["dags"])
    assert "far" not in found["dags"]
    assert found["one"]["dags"] == ["flowers"]
    assert found["heavy"] == []
    (problem,) = found["errors"].values()
    assert "far.yaml:3: load.0.type: a pipeline made through the API writes no files" in problem
