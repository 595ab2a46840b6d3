"""Draws what a person wants to see of a model on the held-out rows: PNG files, made without a display."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.stages.metrics.cluster_profile import distinctions
from millrace.stages.metrics.scoring import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_POINTS = 3_000
MAX_CLASSES = 30
MAX_COLUMNS = 20
BINS = 10
WINDOWS = 20


def plots(
    task: str,
    truth: Any,
    given: Answer,
    targets: list[str],
    importance: dict[str, float],
    times: Any = None,
) -> dict[str, bytes]:
    """The plots of a task by name; `times` are those of the rows, where they have any."""
    drawn: dict[str, Figure] = {}
    if task == "regression":
        drawn["residuals"] = _residuals(truth, given.values, targets)
        if times is not None:
            drawn["residuals_over_time"] = _residuals_over_time(times, truth, given.values, targets)
    elif task == "classification":
        drawn["confusion"] = _confusion(truth, given.values)
        if given.probabilities is not None:
            drawn["calibration"] = _calibration(truth, given)
    else:
        drawn["clusters"] = _cluster_sizes(given.values)
    if importance:
        drawn["importance"] = _importance(importance)
    return {name: png(figure) for name, figure in drawn.items()}


def drawn_breakdown(told: dict[str, Any] | None) -> dict[str, bytes]:
    """The plot of a cluster profile: what tells each cluster from the table; nothing for other breakdowns."""
    if told is None or told["kind"] != "clusters":
        return {}
    clusters, columns, matrix = distinctions(told)
    return {"profile": png(_profile(clusters, columns[:MAX_COLUMNS], matrix[:, :MAX_COLUMNS]))} if columns else {}


def figure_of(columns: int = 1, rows: int = 1) -> tuple[Figure, Any]:
    """An empty figure and its axes, in rows."""
    # The object interface: pyplot keeps figures alive and is not for threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * columns, 4.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def png(figure: Figure) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _residuals(truth: Any, values: Any, targets: list[str]) -> Figure:
    truth, values = truth.reshape(len(truth), -1), values.reshape(len(truth), -1)
    figure, axes = figure_of(columns=2, rows=truth.shape[1])
    step = max(1, len(truth) // MAX_POINTS)
    for position, (scatter, histogram) in enumerate(axes):
        said, errors = values[:, position], values[:, position] - truth[:, position]
        scatter.scatter(said[::step], errors[::step], s=6, alpha=0.4)
        scatter.axhline(0, color="black", linewidth=0.8)
        named(scatter, targets[position], "prediction", "prediction - truth")
        histogram.hist(errors, bins=40)
        named(histogram, targets[position], "prediction - truth", "rows")
    return figure


def _residuals_over_time(times: Any, truth: Any, values: Any, targets: list[str]) -> Figure:
    """Each row's error at its time, and the running median: a model that ages, or a season that it missed."""
    import pandas as pd

    truth, values = truth.reshape(len(truth), -1), values.reshape(len(truth), -1)
    order = np.argsort(times, kind="stable")
    when, step = np.asarray(times)[order], max(1, len(truth) // MAX_POINTS)
    figure, axes = figure_of(columns=2, rows=truth.shape[1])
    for position, (axis, running) in enumerate(axes):
        errors = (values[:, position] - truth[:, position])[order]
        window = max(5, len(errors) // WINDOWS)
        size = pd.Series(np.abs(errors)).rolling(window, min_periods=1).median()
        axis.scatter(when[::step], errors[::step], s=5, alpha=0.35)
        axis.plot(when[::step], pd.Series(errors).rolling(window, min_periods=1).median()[::step], color="black")
        axis.axhline(0, color="grey", linewidth=0.8)
        running.plot(when[::step], size[::step], color="black")
        named(axis, targets[position], "time", "prediction - truth, running median")
        named(running, targets[position], "time", "running median of the absolute error")
        for one in (axis, running):
            one.tick_params(axis="x", rotation=30)
    return figure


def _confusion(truth: Any, values: Any) -> Figure:
    labels, counts = np.unique(np.concatenate([truth, values]), return_counts=True)
    labels = np.sort(labels[np.argsort(-counts, kind="stable")[:MAX_CLASSES]])
    matrix = np.array([[int(((truth == a) & (values == b)).sum()) for b in labels] for a in labels])
    figure, axes = figure_of()
    axis = axes[0][0]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(labels))
    axis.set_xticks(ticks, [str(label) for label in labels], rotation=90 if len(labels) > 5 else 0)
    axis.set_yticks(ticks, [str(label) for label in labels])
    if len(labels) <= BINS:
        for row, column in np.ndindex(*matrix.shape):
            ink = "white" if shares[row, column] > 0.5 else "black"
            axis.text(column, row, str(matrix[row, column]), ha="center", va="center", color=ink)
    named(axis, "Confusion", "predicted", "actual")
    return figure


def _calibration(truth: Any, given: Answer) -> Figure:
    """How often the answer is right, by how sure the model was of it."""
    sure, right = given.probabilities.max(axis=1), (given.values == truth).astype(float)  # type: ignore[union-attr]
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    used = [bin_ for bin_ in range(BINS) if (place == bin_).any()]
    figure, axes = figure_of()
    axis = axes[0][0]
    axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axis.plot([sure[place == b].mean() for b in used], [right[place == b].mean() for b in used], marker="o")
    named(axis, "Calibration", "confidence", "share of right answers")
    return figure


def _cluster_sizes(labels: Any) -> Figure:
    names, counts = np.unique(labels, return_counts=True)
    figure, axes = figure_of()
    axes[0][0].bar([str(name) for name in names], counts)
    named(axes[0][0], "Clusters", "cluster", "rows")
    return figure


def _profile(clusters: list[str], columns: list[str], matrix: Any) -> Figure:
    figure, axes = figure_of()
    axis = axes[0][0]
    image = axis.imshow(matrix.T, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axis.set_xticks(range(len(clusters)), clusters)
    axis.set_yticks(range(len(columns)), columns)
    figure.colorbar(image, ax=axis, label="standard deviations from the table")
    named(axis, "What tells the clusters apart", "cluster", "")
    return figure


def _importance(importance: dict[str, float]) -> Figure:
    ordered = sorted(importance.items(), key=lambda item: item[1])[-20:]
    figure, axes = figure_of()
    axes[0][0].barh([name for name, _ in ordered], [value for _, value in ordered])
    named(axes[0][0], "Permutation importance", "loss of the metric when shuffled", "")
    return figure


def named(axis: Axes, title: str, x: str, y: str) -> None:
    """Give an axis its title and its labels."""
    axis.set_title(title)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
