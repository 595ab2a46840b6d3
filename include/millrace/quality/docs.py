"""Renders a validation as Great Expectations' Data Docs: one HTML page. It judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from millrace.quality.outcome import Outcome


def render_docs(name: str, run_id: str, outcomes: Sequence[Outcome]) -> bytes:
    """The page for one run's validation of the pipeline `name`."""
    import os

    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    good = sum(outcome.result.success for outcome in outcomes)
    validation = ExpectationSuiteValidationResult(
        success=good == len(outcomes),
        results=[_single(outcome) for outcome in outcomes],
        suite_name=name,
        statistics={
            "evaluated_expectations": len(outcomes),
            "successful_expectations": good,
            "unsuccessful_expectations": len(outcomes) - good,
            "success_percent": 100 * good / len(outcomes) if outcomes else 100.0,
        },
        meta={"run_id": {"run_name": run_id, "run_time": datetime.now(UTC).isoformat()}},
    )
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(validation))
    return str(page).encode("utf-8")


def _single(outcome: Outcome) -> Any:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationValidationResult(
        success=outcome.result.success,
        expectation_config=ExpectationConfiguration(
            type=outcome.result.expect,
            kwargs=outcome.result.arguments,
            meta={"notes": {"content": outcome.result.message}},
        ),
        result=_shown(outcome.raw),
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
    )


def _shown(raw: dict[str, Any]) -> dict[str, Any]:
    """The result without values that the renderer could not set against a whole."""
    if "unexpected_percent" in raw:
        return raw
    return {name: value for name, value in raw.items() if name not in {"unexpected_count", "partial_unexpected_list"}}
