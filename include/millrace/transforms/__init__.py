"""The table-wise steps of the ETL, one entry each."""

from __future__ import annotations

from millrace.transforms.aggregate import Aggregate, Resample
from millrace.transforms.base import TransformStep
from millrace.transforms.cast import Cast
from millrace.transforms.columns import DropColumns, KeepColumns, Rename
from millrace.transforms.dates import DateParts, RestoreDates
from millrace.transforms.feature_set import FeatureSetStep
from millrace.transforms.fill import Clip, Fill
from millrace.transforms.formulas import Derive, Filter
from millrace.transforms.join import Join
from millrace.transforms.python_function import PythonFunction
from millrace.transforms.rows import DropDuplicates, DropEmpty, DropNulls, Sort
from millrace.transforms.window import Lag, Window

STEPS: tuple[type[TransformStep], ...] = (
    Aggregate,
    Cast,
    Clip,
    DateParts,
    Derive,
    DropColumns,
    DropDuplicates,
    DropEmpty,
    DropNulls,
    FeatureSetStep,
    Fill,
    Filter,
    Join,
    KeepColumns,
    Lag,
    PythonFunction,
    Rename,
    Resample,
    RestoreDates,
    Sort,
    Window,
)
