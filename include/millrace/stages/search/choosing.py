"""Chooses how the models of a search become one: from complete trials to members with weights, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from millrace.stages.search.combining import Weigher
from millrace.stages.search.deciding import SERVED
from millrace.stages.search.panel import Made, Making, Panel, ways
from millrace.stages.search.trials import Trial, merit
from millrace.stages.search.workbench import Array, Judge, columns

MOST_MODELS = 16
"""Trials that may take part in an ensemble: the best of each estimator, then the next best."""


class Bench(Protocol):
    """Where the trials were fitted, as far as the choice asks."""

    folds: list[Any]
    classes: Array | None

    @property
    def task(self) -> str:
        """The task."""

    @property
    def judge(self) -> Judge | None:
        """Scores outputs where the truth alone does not tell how."""

    def truth(self, fold: int) -> Array | None:
        """The target of the rows that a fold leaves out."""

    def outputs(self, fold: int, predictions: Array) -> Array:
        """A trial's predictions for these rows: (rows, outputs)."""


@dataclass(frozen=True)
class Wanted:
    """What may be done with the trials."""

    ensemble: bool
    calibration: bool
    threshold: bool
    fixed_members: bool = False
    """All members take part by least squares: no single one may win."""


@dataclass(frozen=True)
class Chosen:
    """The members with their weights (members, outputs), their cross-validated metrics, and a report for people."""

    members: list[Trial]
    made: Made
    metrics: dict[str, float]
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether it is one model as it is."""
        return len(self.members) == 1 and self.made.calibration is None and self.made.priorities is None


def choose(
    ranked: list[Trial], bench: Bench, metric: str, wanted: Wanted, *, greater_is_better: bool, targets: list[str]
) -> Chosen:
    """The best way to answer with these trials, the best of them first."""
    trials = _taking_part(ranked) if wanted.ensemble else ranked[:1]
    sign = 1.0 if greater_is_better else -1.0
    panel = _panel(trials, bench, metric, targets, sign)
    known = _ways(panel.task, len(trials), wanted)
    values, way, scored = _best_way(panel, known, sign)
    report: dict[str, Any] = {"combined": way, "combinations": values}
    making = Making(known[way])
    if wanted.calibration:
        making, report["calibration"] = _calibrated(panel, making)
    if wanted.threshold and metric in SERVED:
        making, report["threshold"] = _decided(panel, making, sign)
    made = panel.made(making)
    kept = np.flatnonzero(made.weights.any(axis=1))
    members = [trials[place] for place in kept]
    made = Made(made.weights[kept], made.calibration, made.priorities)
    if making.calibrated or making.decided:
        scored = panel.judged(making)
    return Chosen(members, made, scored, report | _described(members, made, panel.classes))


def _taking_part(ranked: list[Trial]) -> list[Trial]:
    best = list({trial.entry.label: trial for trial in reversed(ranked)}.values())
    others = [trial for trial in ranked if trial not in best]
    taking = [*best, *others[: max(0, MOST_MODELS - len(best))]]
    return sorted(taking, key=ranked.index)


def _ways(task: str, models: int, wanted: Wanted) -> dict[str, Weigher]:
    known = list(ways(task).items())
    if wanted.fixed_members:
        return dict(known[-1:])
    return dict(known if models > 1 else known[:1])


def _best_way(panel: Panel, known: dict[str, Weigher], sign: float) -> tuple[dict[str, float], str, dict[str, float]]:
    """Each way's metric, and the name and metrics of the best one; of equals the plainest."""
    scored = {name: panel.judged(Making(weigher)) for name, weigher in known.items()}
    values = {name: one[panel.metric] for name, one in scored.items() if panel.metric in one}
    best = max(values, key=lambda name: merit(scored[name], panel.metric, sign))
    return values, best, scored[best]


def _calibrated(panel: Panel, making: Making) -> tuple[Making, dict[str, Any]]:
    tried = Making(making.weigher, calibrated=True)
    before, after = panel.losses(making), panel.losses(tried)
    applied = after["log_loss"] < before["log_loss"]
    return tried if applied else making, {"before": before, "after": after, "applied": applied}


def _decided(panel: Panel, making: Making, sign: float) -> tuple[Making, dict[str, Any]]:
    tried = Making(making.weigher, making.calibrated, decided=True)
    before, after = panel.judged(making)[panel.metric], panel.judged(tried)[panel.metric]
    applied = sign * after > sign * before
    return tried if applied else making, {"before": before, "after": after, "applied": applied}


def _panel(trials: list[Trial], bench: Bench, metric: str, targets: list[str], sign: float) -> Panel:
    folds = range(len(bench.folds))
    predictions = [trial.predictions() for trial in trials]
    return Panel(
        task=bench.task,
        metric=metric,
        answers=[np.stack([bench.outputs(fold, one[fold]) for one in predictions]) for fold in folds],
        truth=[_actual(bench, fold) for fold in folds],
        classes=bench.classes,
        kinds=tuple(trial.entry.label for trial in trials),
        targets=tuple(targets),
        judge=bench.judge,
        sign=sign,
    )


def _actual(bench: Bench, fold: int) -> Array:
    truth = np.asarray(bench.truth(fold))
    if bench.classes is None:
        return columns(truth)
    return np.asarray(truth[:, None] == bench.classes[None, :], dtype=float)


def _described(members: list[Trial], made: Made, classes: Array | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "members": [
            {"estimator": trial.entry.label, "params": trial.params, "weight": _plain(weights)}
            for trial, weights in zip(members, made.weights, strict=True)
        ]
    }
    if made.calibration is not None:
        described["temperature"] = 1.0 / made.calibration.scale
    if made.priorities is not None and classes is not None:
        described["priorities"] = {
            str(name): float(value) for name, value in zip(classes, made.priorities, strict=True)
        }
        if len(classes) == 2:
            described["threshold_probability"] = float(made.priorities[0] / made.priorities.sum())
    return described


def _plain(weights: Array) -> float | list[float]:
    """One number where all outputs share it."""
    return float(weights[0]) if np.ptp(weights) == 0 else [float(weight) for weight in weights]
