"""The compiled form of a model: the ONNX file if it passed the gate, and the report that says so or why not.

Both are kept beside the model's own file. A refusal is no failure: such a model is served by scikit-learn.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
MODEL_FILE, REPORT_FILE = "model.onnx", "compiled.json"
MOST_ROWS = 20_000


class CompiledReport(StrictModel):
    """What became of the conversion of one model."""

    status: Literal["compiled", "refused"]
    reason: str | None = Field(default=None, description="Why it is refused.")
    rows: int = Field(default=0, description="Rows on which it was compared with scikit-learn.")
    largest_relative_difference: float | None = Field(default=None, description="On those rows; None: not comparable.")
    sha256: str | None = Field(default=None, description="Of the ONNX file.")


@dataclass(frozen=True)
class CompiledForm:
    """The ONNX file, None where refused, and the report."""

    content: bytes | None
    report: CompiledReport

    def files(self) -> dict[str, bytes]:
        """What is kept beside the model."""
        files = {REPORT_FILE: self.report.model_dump_json(indent=1).encode()}
        return files if self.content is None else {MODEL_FILE: self.content, **files}


def compiled_form(pipeline: Any, inputs: pd.DataFrame) -> CompiledForm:
    """Convert a fitted Pipeline and try it on these held-out rows; it never raises."""
    from millrace.compiled.graph import NotCompilable

    try:
        return _tried(pipeline, inputs)
    except NotCompilable as verdict:
        return CompiledForm(None, CompiledReport(status="refused", reason=f"{verdict}."))
    except Exception as error:  # a model that scikit-learn serves well must not be lost to its conversion
        log.warning("the model cannot be compiled", exc_info=error)
        first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        return CompiledForm(None, CompiledReport(status="refused", reason=f"{type(error).__name__}: {first}."))


def _tried(pipeline: Any, inputs: pd.DataFrame) -> CompiledForm:
    from millrace.compiled.convert import convert
    from millrace.compiled.parity import compare, damaged
    from millrace.compiled.session import CompiledModel
    from millrace.features.columns import columns_from_frame

    content = convert(pipeline)
    model = CompiledModel(content, pipeline[0])
    columns = columns_from_frame(inputs.head(MOST_ROWS), pipeline[0].inputs_)
    verdicts = [compare(pipeline, model, rows) for rows in (columns, damaged(columns))]
    reason = next((verdict.reason for verdict in verdicts if verdict.reason), None)
    largest = max(verdict.largest_difference for verdict in verdicts)
    report = CompiledReport(
        status="refused" if reason else "compiled",
        reason=f"{reason[0].upper()}{reason[1:]}." if reason else None,
        rows=sum(verdict.rows for verdict in verdicts),
        largest_relative_difference=largest if largest != float("inf") else None,
        sha256=None if reason else hashlib.sha256(content).hexdigest(),
    )
    return CompiledForm(None if reason else content, report)


def opened(content: bytes, report: CompiledReport, features: Any, threads: int = 1) -> Any:
    """A stored compiled form as a CompiledModel. Raises ValueError where the file is not the one that passed."""
    from millrace.compiled.session import CompiledModel

    if report.status != "compiled" or hashlib.sha256(content).hexdigest() != report.sha256:
        raise ValueError("the ONNX file is not the one that passed the parity gate")
    return CompiledModel(content, features, threads)
