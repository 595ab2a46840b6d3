"""The row-wise feature steps, one entry each."""

from __future__ import annotations

from millrace.features.base import FeatureStep

STEPS: tuple[type[FeatureStep], ...] = ()
