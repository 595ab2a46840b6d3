"""The row-wise feature steps, one entry each."""

from __future__ import annotations

from millrace.features.arithmetic import Difference, Interaction, Log1p, Polynomial, Ratio
from millrace.features.base import FeatureStep
from millrace.features.calendar import Calendar
from millrace.features.marks import Bin, Cyclic, MissingFlag, TextLength

STEPS: tuple[type[FeatureStep], ...] = (
    Calendar,
    Cyclic,
    Ratio,
    Difference,
    Interaction,
    Polynomial,
    Log1p,
    Bin,
    MissingFlag,
    TextLength,
)
