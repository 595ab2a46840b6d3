"""Which fit comes next: trials of one or several estimators, folds of a trial, trials given up, an end in time.

A `Plan` is asked for the next fit and told its outcome, in whatever order outcomes come; it starts no fit itself.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from millrace.spec.models import PipelineSpec
from millrace.stages.search.spaces import asked_first, suggested
from millrace.stages.search.trials import Budget, Entry, Fit, Trial, merit
from millrace.stages.search.workbench import Score
from millrace.stages.training.assembly import SEED

REPEATS = 20
"""How often a set of parameters that is known already is asked anew: a small space runs out of new ones."""

MOST_REFITTED = 4
"""Trials whose last fit the budget provides for."""

HALVING = 0.6
"""The next best estimator gets this share of the trials that the one before it gets."""

CHEAPEST = 0.1
"""Seconds: a quicker trial counts as this, since asking for it and handing it over takes time too."""


class Plan:
    """The trials of one search, and their order."""

    def __init__(
        self,
        entries: list[Entry],
        folds: int,
        metric: str,
        budget: Budget,
        *,
        greater_is_better: bool,
        prune: bool = True,
    ) -> None:
        self.done: list[Trial] = []
        self._folds, self._metric, self._budget = folds, metric, budget
        self._sign = 1.0 if greater_is_better else -1.0
        self._studies = {entry.label: _study(entry, prune) for entry in entries}
        self._entries = entries
        self._begun = dict.fromkeys(self._studies, 0)
        self._running: list[Trial] = []
        self._asked: dict[int, Any] = {}
        self._undone: dict[int, list[int]] = {}
        self._flying: dict[int, int] = {}
        self._numbers = 0

    @classmethod
    def of(cls, spec: PipelineSpec, entries: list[Entry], folds: int, budget: Budget, *, prune: bool = True) -> Plan:
        """The plan of a search for the metric that decides in this spec, pruned unless the spec forbids it."""
        return cls(
            entries,
            folds,
            spec.metric,
            budget,
            greater_is_better=spec.greater_is_better,
            prune=prune and spec.search.prune,
        )

    def next(self) -> Fit | None:
        """The next fit; None while there is nothing to do but wait for outcomes, or at the end."""
        resting = next((t for t in self._running if self._undone[t.number] and not self._flying[t.number]), None)
        if resting is not None:
            return self._fit(resting)
        while (entry := self._next_entry()) is not None:
            trial = self._begin(entry)
            if trial is not None:
                return self._fit(trial)
        # Nothing new may begin: the folds that are left need not wait for one another.
        busy = next((t for t in self._running if self._undone[t.number]), None)
        return None if busy is None else self._fit(busy)

    def tell(self, fit: Fit, outcome: Score | Exception) -> None:
        """The outcome of a fit. A trial ends with its last fold, with an error, or when it is given up."""
        trial = fit.trial
        self._flying[trial.number] -= 1
        if isinstance(outcome, Exception):
            trial.error, self._undone[trial.number] = trial.error or outcome, []
        else:
            trial.scores[fit.fold] = outcome
            self._consider(trial, fit.fold)
        if not self._undone[trial.number] and not self._flying[trial.number]:
            self._end(trial)

    def patience(self) -> float | None:
        """How long to wait for the next outcome: past the end, as long as something usable has come of the search."""
        if self._budget.deadline is None or not self.ranked():
            return None
        return max(0.0, self._budget.left()) + self._budget.grace

    def ranked(self) -> list[Trial]:
        """The complete trials, the best first."""
        whole = [t for t in self.done if not t.error and not t.pruned and self._metric in t.metrics()]
        return sorted(whole, key=self._value, reverse=True)

    def _value(self, trial: Trial) -> float:
        return merit(trial.metrics(), self._metric, self._sign)

    def _next_entry(self) -> Entry | None:
        """First every estimator once, in their order; then the more often, the better and the cheaper it is."""
        if self._numbers >= self._budget.trials or self._left() <= 0:
            return None
        open_ = [
            entry for entry in self._entries if self._begun[entry.label] < entry.trials and self._affordable(entry)
        ]
        fresh = next((entry for entry in open_ if not self._begun[entry.label]), None)
        if fresh is not None or not open_:
            return fresh
        order = list(dict.fromkeys(trial.entry.label for trial in self.ranked()))
        shares = {label: HALVING**rank for rank, label in enumerate(order)}
        last = HALVING ** len(order)
        return max(open_, key=lambda entry: shares.get(entry.label, last) / self._price(entry))

    def _price(self, entry: Entry) -> float:
        """Grows with the trials that an estimator has had, and, where time is short, with the root of what one costs.

        What a further trial brings falls with the square of their number, about; so an estimator that costs a hundredth
        is worth ten times as many.
        """
        if self._budget.deadline is None:
            return 1.0 + self._begun[entry.label]
        # The cheapest trial so far: the first ones also pay for encoding the rows.
        cost = max(CHEAPEST, min(self._costs(entry), default=0.0))
        return (1 + self._begun[entry.label]) * float(np.sqrt(cost))

    def _costs(self, entry: Entry) -> list[float]:
        """Seconds of the complete trials of this estimator."""
        return [trial.seconds() for trial in self.done if trial.entry is entry and len(trial.scores) == self._folds]

    def _affordable(self, entry: Entry) -> bool:
        """Whether a further trial would end in time, by what the last one of this estimator cost."""
        known = self._costs(entry)
        return not known or float(np.median(known[-3:])) <= self._left()

    def _left(self) -> float:
        """Seconds for further trials: what the best trials cost a fold is set aside for their last fits."""
        best = [trial.seconds() / self._folds for trial in self.ranked()[:MOST_REFITTED]]
        return self._budget.left() - self._budget.last_fits * sum(best)

    def _begin(self, entry: Entry) -> Trial | None:
        """A new trial of this estimator; None, now and from then on, where its space has nothing new any more."""
        found = self._new_params(entry)
        if found is None:
            self._begun[entry.label] = entry.trials
            return None
        asked, params = found
        trial = Trial(self._numbers, entry, params, time.time())
        self._numbers += 1
        self._begun[entry.label] += 1
        self._asked[trial.number], self._flying[trial.number] = asked, 0
        self._undone[trial.number] = list(range(self._folds))
        self._running.append(trial)
        return trial

    def _new_params(self, entry: Entry) -> tuple[Any, dict[str, Any]] | None:
        """Parameters that were not tried before; None where none are found: the answer to the others is known."""
        study = self._studies[entry.label]
        known = {repr(trial.params): trial for trial in [*self.done, *self._running] if trial.entry is entry}
        for _ in range(REPEATS):
            asked = study.ask()
            params = suggested(asked, entry.space)
            before = known.get(repr(params))
            if before is None:
                return asked, params
            self._told(study, asked, before)
        return None

    def _fit(self, trial: Trial) -> Fit:
        self._flying[trial.number] += 1
        return Fit(trial, self._undone[trial.number].pop(0))

    def _consider(self, trial: Trial, fold: int) -> None:
        """Tell Optuna the fold's metric; give the trial up when the best one is better in fold after fold."""
        scored, asked = trial.scores[fold].metrics, self._asked[trial.number]
        if self._metric not in scored:
            return
        value = merit(scored, self._metric, self._sign)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # folds may be told out of their order, and the best trial's are fewer
            asked.report(value, fold)
            if self._undone[trial.number] and asked.should_prune():
                trial.pruned, self._undone[trial.number] = True, []

    def _end(self, trial: Trial) -> None:
        self._running.remove(trial)
        trial.finished = time.time()
        self.done.append(trial)
        self._told(self._studies[trial.entry.label], self._asked.pop(trial.number), trial)

    def _told(self, study: Any, asked: Any, trial: Trial) -> None:
        import optuna

        if trial.error or self._metric not in trial.metrics():
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        elif trial.pruned:
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(asked, self._value(trial))


def _study(entry: Entry, prune: bool) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the Wilcoxon pruner, made for folds, is marked experimental
        # Three folds out of three must be worse: one fold alone may be an odd one.
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.2) if prune else optuna.pruners.NopPruner()
        sampler = optuna.samplers.TPESampler(seed=SEED, n_startup_trials=6)
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    for start in entry.starts:
        told = asked_first(start, entry.space)
        if told is not None:
            study.enqueue_trial(told)
    return study
