"""Draws how a search went: each trial's metric over time by estimator, and the best so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.stages.evaluation.plots import figure_of, named, png
from millrace.stages.search.trials import Trial


def search_plot(trials: list[Trial], metric: str, *, greater_is_better: bool) -> bytes | None:
    """A PNG file; None for a search of fewer than two complete trials."""
    whole = [trial for trial in trials if not trial.pruned and not trial.error and metric in trial.metrics()]
    if len(whole) < 2:
        return None
    begin = min(trial.started for trial in trials)
    whole.sort(key=lambda trial: trial.finished)
    figure, axes = figure_of(columns=2)
    axis: Any = axes[0][0]
    for label in dict.fromkeys(trial.entry.label for trial in whole):
        own = [trial for trial in whole if trial.entry.label == label]
        axis.scatter([t.finished - begin for t in own], [t.metrics()[metric] for t in own], s=14, label=label)
    values = np.array([trial.metrics()[metric] for trial in whole])
    best = np.maximum.accumulate(values) if greater_is_better else np.minimum.accumulate(values)
    axis.step([trial.finished - begin for trial in whole], best, where="post", color="black", linewidth=1)
    low, high = np.percentile(values, [0, 90] if not greater_is_better else [10, 100])
    axis.set_ylim(low - 0.05 * (high - low + 1e-9), high + 0.05 * (high - low + 1e-9))
    named(axis, "Trials, and the best so far", "seconds", f"cross-validated {metric}")
    _costs(axes[0][1], trials)
    axis.legend(fontsize=7)
    return png(figure)


def _costs(axis: Any, trials: list[Trial]) -> None:
    """What each estimator cost: complete trials and those given up."""
    labels = list(dict.fromkeys(trial.entry.label for trial in trials))
    for pruned, shade in ((False, "tab:blue"), (True, "lightgrey")):
        left = [sum(t.seconds() for t in trials if t.entry.label == name and not t.pruned) for name in labels]
        width = [sum(t.seconds() for t in trials if t.entry.label == name and t.pruned == pruned) for name in labels]
        axis.barh(labels, width, left=left if pruned else None, color=shade, label="given up" if pruned else "complete")
    axis.legend(fontsize=7)
    named(axis, "Time of the fits", "seconds", "")
