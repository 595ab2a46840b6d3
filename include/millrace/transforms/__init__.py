"""The table-wise steps of the ETL, one entry each."""

from __future__ import annotations

from millrace.transforms.base import TransformStep

STEPS: tuple[type[TransformStep], ...] = ()
