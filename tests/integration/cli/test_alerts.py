"""`millrace alerts` and `millrace monitor` where nothing answers or nothing is there."""

from __future__ import annotations

from pathlib import Path

from cli_helpers import millrace


def test_an_unknown_state_is_bad_usage_with_what_is_allowed(tmp_path: Path) -> None:
    outcome = millrace("alerts", "list", "--status", "opne", home=tmp_path)
    assert outcome.returncode == 2
    assert "'opne' is no state of an alert. Did you mean 'open'?" in outcome.stderr


def test_an_unknown_pipeline_is_named(tmp_path: Path) -> None:
    outcome = millrace("monitor", "no-such-mill", home=tmp_path)
    assert outcome.returncode != 0
    assert "There is no pipeline 'no-such-mill'" in outcome.stderr
    assert "Traceback" not in outcome.stderr
