"""What a search may cost, and what it did cost: its budget, whether processes pay, its account for people."""

from __future__ import annotations

from typing import Any

from millrace.errors import TrainingError
from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto, Stacking
from millrace.estimators.threads import SMALL_TABLE_ROWS
from millrace.spec.search import AUTO_SECONDS, AUTO_TRIALS, Search
from millrace.stages.search.plan import Plan
from millrace.stages.search.trials import Budget, Entry
from millrace.stages.search.workers import Workers

SEARCH_SHARE = 0.8
"""Of the time that is given; the rest is for the choice and the last fits."""
WORTH_A_PROCESS = 10.0
"""Seconds of search below which starting processes costs more than they give."""
SHOWN = 20


def budget_of(
    search: Search, candidate: Candidate, entries: list[Entry], started: float, last_fits: float = 1.0
) -> Budget:
    """The budget of a search that began at `started`; `last_fits` as in Budget."""
    is_auto = isinstance(candidate, Auto)
    seconds = search.seconds or (AUTO_SECONDS if is_auto and search.trials is None else None)
    trials = (search.trials or AUTO_TRIALS) if is_auto else sum(entry.trials for entry in entries)
    if seconds is None or isinstance(candidate, Stacking):
        return Budget(trials)
    return Budget(
        trials,
        started + SEARCH_SHARE * seconds,
        grace=(1 - SEARCH_SHARE) / 2 * seconds,
        last_fits=last_fits,
    )


def side_by_side(candidate: Candidate, entries: list[Entry], budget: Budget, rows: int) -> bool:
    """Whether the fits are many or long enough for processes of their own."""
    if rows >= SMALL_TABLE_ROWS:
        return True
    return isinstance(candidate, Auto) and budget.left() >= WORTH_A_PROCESS and bool(entries)


def nothing_usable(plan: Plan, candidate: Candidate, metric: str) -> TrainingError:
    """Why a search came to nothing."""
    failed = next((trial.error for trial in plan.done if trial.error), None)
    if len(plan.done) == 1 and isinstance(failed, TrainingError):
        return failed
    if failed is None:
        return TrainingError(
            f"The metric '{metric}' cannot be computed for the candidate '{candidate.label}' in any fold.",
            hint="Choose another promotion.metric; roc_auc, for one, needs every class in each fold.",
        )
    reason = getattr(failed, "message", str(failed))
    return TrainingError(
        f"All {len(plan.done)} trials of the candidate '{candidate.label}' failed: {reason}",
        hint="Check its search space.",
    )


def account(plan: Plan, busy: Workers, seconds: float, metric: str) -> dict[str, Any]:
    """What the search cost and found, for people."""
    shown = plan.ranked()[:SHOWN]
    return {
        "trials": len(plan.done),
        "pruned": sum(trial.pruned for trial in plan.done),
        "failed": sum(trial.error is not None for trial in plan.done),
        "seconds": round(seconds, 2),
        "fit_seconds": round(sum(trial.seconds() for trial in plan.done), 2),
        "processes": busy.size,
        "best_trials": [
            {
                "estimator": trial.entry.label,
                "params": trial.params,
                metric: trial.metrics()[metric],
                "seconds": round(trial.seconds(), 2),
            }
            for trial in shown
        ],
    }
