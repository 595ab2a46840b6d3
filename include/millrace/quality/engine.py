"""Hands frames to Great Expectations and brings its raw results back, one for each expectation, in order.

Whatever the tool itself gets wrong is a ValidationToolError: an exception inside it never reads as bad data.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from millrace.errors import SpecError, ValidationToolError
from millrace.quality.base import Expectation

if TYPE_CHECKING:
    import pandas as pd

_RESULT_FORMAT = {"result_format": "COMPLETE", "include_unexpected_rows": False}
_POSITION = "position"


class Engine:
    """Great Expectations, set up once for one list of expectations and used for many frames.

    `columns` maps each column to its Arrow type: bounds of a time column are made times.
    """

    def __init__(self, expectations: Sequence[Expectation], columns: dict[str, str]) -> None:
        self._batches = _batch_definition(os.getpid())
        import great_expectations as gx

        self._count = len(expectations)
        self._suite = gx.ExpectationSuite(
            name="millrace", expectations=[gx_expectation(e, columns, i) for i, e in enumerate(expectations)]
        )

    def judge(self, frame: pd.DataFrame) -> list[dict[str, Any]]:
        """Each expectation's `{"success", "result"}` for the frame; failing rows carry the frame's index labels."""
        try:
            batch = self._batches.get_batch(batch_parameters={"dataframe": frame})
            validation = batch.validate(self._suite, result_format=_RESULT_FORMAT)
        except Exception as error:
            raise _tool_error("it could not judge the table", error) from error
        judged: dict[int, dict[str, Any]] = {}
        for single in validation.results:
            _refuse_exceptions(single)
            position = single.expectation_config.meta[_POSITION]
            judged[position] = {"success": bool(single.success), "result": dict(single.result)}
        if len(judged) != self._count:
            raise _tool_error(f"it returned {len(judged)} results for {self._count} expectations", None)
        return [judged[position] for position in range(self._count)]


@lru_cache(maxsize=1)
def _batch_definition(_pid: int) -> Any:
    """The tool's way to take a frame, set up once a process: a context keeps a temporary folder while it lives."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import, which reads it
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def gx_expectation(expectation: Expectation, columns: dict[str, str], position: int) -> Any:
    """The tool's own object for an expectation. Raises SpecError for arguments that it refuses."""
    import great_expectations.expectations as gxe

    name = "".join(word.capitalize() for word in expectation.expect.split("_"))
    kind = getattr(gxe, _CLASS_NAMES.get(expectation.expect, name), None)
    if kind is None:
        raise _tool_error(f"this version does not have {expectation.expect}", None)
    try:
        return kind(**_arguments(expectation, columns), meta={_POSITION: position})
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SpecError(
            f"{expectation.expect} does not take these arguments: {lines[-1] if lines else type(error).__name__}.",
            hint=f"Found: {expectation.arguments}.",
        ) from error


_CLASS_NAMES = {
    "expect_column_pair_values_a_to_be_greater_than_b": "ExpectColumnPairValuesAToBeGreaterThanB",
    "expect_column_kl_divergence_to_be_less_than": "ExpectColumnKLDivergenceToBeLessThan",
}


def _arguments(expectation: Expectation, columns: dict[str, str]) -> dict[str, Any]:
    arguments = expectation.arguments
    kind = columns.get(str(arguments.get("column")), "")
    if not kind.startswith("timestamp"):
        return arguments
    zone = "UTC" if "tz=" in kind else None
    timed = {
        name: _time(arguments[name], zone) for name in ("min_value", "max_value") if arguments.get(name) is not None
    }
    if isinstance(arguments.get("value_set"), list):
        timed["value_set"] = [_time(value, zone) for value in arguments["value_set"]]
    return {**arguments, **timed}


def _time(value: Any, zone: str | None) -> Any:
    import pandas as pd

    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise SpecError(f"{value!r} is no time.", hint="Write ISO 8601, e.g. 2024-01-31T06:00:00Z.") from error
    if zone is None:
        return moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
    return moment.tz_convert(zone) if moment.tzinfo else moment.tz_localize(zone)


def _refuse_exceptions(single: Any) -> None:
    """The tool reports its own faults as `success: false` beside `exception_info`; that is not a verdict."""
    information = single.exception_info or {}
    entries = [information] if "raised_exception" in information else list(information.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            raise _tool_error(f"{single.expectation_config.type} raised: {entry.get('exception_message')}", None)


def _tool_error(what: str, error: Exception | None) -> ValidationToolError:
    detail = f": {type(error).__name__}: {error}" if error else ""
    sentence = re.sub(r"\s+", " ", f"{what}{detail}").strip().rstrip(".")
    return ValidationToolError(
        f"Great Expectations failed, so nothing is known about the data: {sentence[:500]}.",
        hint="Check that the expectation suits the column's type; see the log of the run.",
    )
