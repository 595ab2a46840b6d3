"""The estimators that a candidate may name, one entry each."""

from __future__ import annotations

from millrace.estimators.base import Candidate

CANDIDATES: tuple[type[Candidate], ...] = ()
