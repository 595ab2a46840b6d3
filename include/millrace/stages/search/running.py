"""Runs a plan on the workers: keeps each of them busy, hands outcomes back, and ends what outlives the budget."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any

from millrace.errors import TrainingError
from millrace.estimators.base import Candidate
from millrace.stages.search.cost import nothing_usable
from millrace.stages.search.plan import Plan
from millrace.stages.search.trials import Fit, Trial
from millrace.stages.search.workers import Workers

SPARE = 1
"""Fits that wait beside those that run, so that no worker has to wait for this process."""


def searched(plan: Plan, workers: Workers, candidate: Candidate, metric: str) -> list[Trial]:
    """All that the plan asks for, done: the usable trials, best first. Raises TrainingError where there is none."""
    run(plan, workers)
    if ranked := plan.ranked():
        return ranked
    raise nothing_usable(plan, candidate, metric)


def run(plan: Plan, workers: Workers) -> None:
    """Do all the plan asks for. A fit's TrainingError ends its trial; any other error is raised."""
    flying: dict[Future[Any], Fit] = {}
    most = workers.size + (SPARE if workers.size > 1 else 0)
    while True:
        while len(flying) < most and (fit := plan.next()) is not None:
            flying[workers.submit("score", fit.trial.entry.place, fit.trial.params, fit.fold)] = fit
        if not flying:
            return
        finished, _ = wait(flying, timeout=plan.patience(), return_when=FIRST_COMPLETED)
        if not finished:
            _give_up(plan, workers, flying)
            return
        for future in finished:
            plan.tell(flying.pop(future), _outcome(future))


def result_of(future: Future[Any]) -> Any:
    """What a fit gave. Raises TrainingError also where its process died."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise TrainingError(
            "A process of the search was killed, most likely because the machine ran out of memory.",
            hint="Set MILLRACE_TRAIN_THREADS lower, set training.max_rows, or give it more memory.",
        ) from error


def _outcome(future: Future[Any]) -> Any:
    """A score, or the TrainingError of a fit; where processes die no further fit would do better."""
    if isinstance(future.exception(), TrainingError):
        return future.exception()
    return result_of(future)


def _give_up(plan: Plan, workers: Workers, flying: dict[Future[Any], Fit]) -> None:
    workers.stop()
    for fit in flying.values():
        plan.tell(fit, TrainingError("The time of the search was over before its folds were done."))
