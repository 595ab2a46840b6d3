"""The estimators that a candidate may name, one entry each."""

from __future__ import annotations

from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto, Stacking
from millrace.estimators.others import Dummy, KMeans
from millrace.estimators.voting import MEMBERS, Voting

CANDIDATES: tuple[type[Candidate], ...] = (*MEMBERS.values(), KMeans, Voting, Stacking, Auto, Dummy)
