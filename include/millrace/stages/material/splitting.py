"""Chooses the held-out rows and the folds of the cross-validation: the same for the same table and split.

Rows are told apart by the hash of their inputs, not by their place, so that a random split survives a reordering, and
equal rows stay on one side. Folds lie within the training rows and respect time and groups.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.errors import TrainingError
from millrace.spec.models import Split
from millrace.stages.material.training_table import TrainingTable

Rows: TypeAlias = "npt.NDArray[np.int64]"
Fold: TypeAlias = tuple[Rows, Rows]


def held_out(table: TrainingTable, split: Split, *, stratify: bool) -> Fold:
    """Training rows and held-out rows of the table. Raises TrainingError when a class is left without rows."""
    if split.by == "time":
        order = _time_order(table)
        train, test = np.split(order, [_first_held_out(table, order, split)])
    elif split.by == "group":
        train, test = _whole_groups(table, split)
    else:
        train, test = _first_by_hash(table, split, stratify=stratify)
    if stratify:
        _refuse_rare_classes(table, train, split)
    return train, test


def folds(table: TrainingTable, train: Rows, split: Split, *, stratify: bool) -> list[Fold]:
    """Folds over the training rows: an expanding window for time, whole groups for groups, else dealt by hash.

    A fold whose training part has a single class is left out. Raises TrainingError when none is left.
    """
    if split.by == "time":
        made = _expanding(table, train, split.folds)
    elif split.by == "group":
        made = _group_folds(table, train, split)
    else:
        made = _dealt(table, train, split, stratify=stratify)
    if not made:
        raise TrainingError(
            f"The {len(train)} training rows differ too little to be dealt into folds: equal rows stay together.",
            hint="Add columns that tell rows apart, or use split.by: time.",
        )
    if stratify and table.target is not None:
        target = table.target
        made = [(fit, test) for fit, test in made if len(np.unique(target[fit])) > 1]
    if not made:
        raise TrainingError(
            "No fold of the cross-validation has two classes to learn from.",
            hint="The rows are sorted by class; use split.by: random, or fewer folds.",
        )
    return made


def row_hashes(table: TrainingTable, seed: int) -> npt.NDArray[np.uint64]:
    """One number a row, from its inputs and the seed."""
    from pandas.util import hash_pandas_object

    hashes = hash_pandas_object(table.inputs, index=False).to_numpy().astype(np.uint64)
    return _mixed(hashes, seed)


def _mixed(hashes: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    # The finaliser of splitmix64: pandas' hash of numbers takes no key.
    with np.errstate(over="ignore"):
        x = hashes + np.uint64(seed % 2**64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)), dtype=np.uint64)


def _time_order(table: TrainingTable) -> Rows:
    return np.argsort(table.times, kind="stable")  # type: ignore[arg-type]


def _first_held_out(table: TrainingTable, order: Rows, split: Split) -> int:
    place = _between_times(table, order, len(order) - max(1, round(split.test * len(order))))
    if place in {0, len(order)}:
        raise TrainingError(
            f"All {len(order)} rows have the same time, so none of them come later than the others.",
            hint="Use split.by: random, or a column that tells the times apart.",
        )
    return place


def _between_times(table: TrainingTable, order: Rows, place: int) -> int:
    """The nearest place where a new time begins: rows of one time know of each other, and stay on one side."""
    if not 0 < place < len(order):
        return place
    times = np.asarray(table.times)[order]
    before, after = (int(np.searchsorted(times, times[place], side=side)) for side in ("left", "right"))
    usable = [start for start in (before, after) if 0 < start < len(order)]
    return min(usable, key=lambda start: abs(start - place), default=0)


def _expanding(table: TrainingTable, train: Rows, count: int) -> list[Fold]:
    # `train` is in the order of time. Each fold learns from at least half of it: a model that has seen a tenth of the
    # rows says little about one that has seen them all, and would turn the choice towards what learns fast.
    from sklearn.model_selection import TimeSeriesSplit

    size = max(1, len(train) // (2 * count))
    made = []
    for fit, test in TimeSeriesSplit(count, test_size=size).split(train):
        start, end = (_between_times(table, train, place) for place in (len(fit), len(fit) + len(test)))
        made += [(train[:start], train[start:end])] if 0 < start < end else []
    return made


def _strata(table: TrainingTable, stratify: bool) -> npt.NDArray[Any]:
    if not stratify or table.target is None:
        return np.zeros(len(table), dtype=int)
    return np.unique(table.target, return_inverse=True)[1]


def _first_by_hash(table: TrainingTable, split: Split, *, stratify: bool) -> Fold:
    hashes, strata = row_hashes(table, split.seed), _strata(table, stratify)
    held = np.zeros(len(table), dtype=bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        count = round(split.test * len(rows)) if stratify else max(1, round(split.test * len(rows)))
        if count:
            # Every row with a hash up to that of the last one chosen: equal rows stay together.
            limit = np.sort(hashes[rows])[count - 1]
            held[rows[hashes[rows] <= limit]] = True
    if held.all() or not held.any():
        raise TrainingError(
            f"{len(table)} rows cannot be split into training and held-out rows: too many of them are equal.",
            hint="Add a 'drop_duplicates' step, or more rows.",
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _dealt(table: TrainingTable, train: Rows, split: Split, *, stratify: bool) -> list[Fold]:
    hashes = row_hashes(table, split.seed + 1)[train]
    strata = _strata(table, stratify)[train]
    fold_of = np.zeros(len(train), dtype=int)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        _, rank = np.unique(hashes[rows], return_inverse=True)
        fold_of[rows] = (rank + stratum) % split.folds
    parts = [(train[fold_of != fold], train[fold_of == fold]) for fold in range(split.folds)]
    return [(fit, test) for fit, test in parts if len(fit) and len(test)]


def _groups(table: TrainingTable) -> npt.NDArray[Any]:
    if table.groups is None:
        raise TrainingError("A split by group needs split.column.", hint="Name the column whose groups stay together.")
    return table.groups


def _whole_groups(table: TrainingTable, split: Split) -> Fold:
    from pandas.util import hash_array

    groups = _groups(table)
    names, counts = np.unique(groups, return_counts=True)
    if len(names) < 3:
        raise TrainingError(
            f"The group column '{split.column}' has {len(names)} groups.",
            hint="Three are needed to hold one out and to cross-validate; use split.by: random.",
        )
    order = np.argsort(_mixed(hash_array(names.astype(object)), split.seed), kind="stable")
    taken = int(np.searchsorted(np.cumsum(counts[order]), split.test * len(groups))) + 1
    test = np.isin(groups, names[order[: min(taken, len(names) - 2)]])
    return np.flatnonzero(~test), np.flatnonzero(test)


def _group_folds(table: TrainingTable, train: Rows, split: Split) -> list[Fold]:
    from sklearn.model_selection import GroupKFold

    groups = _groups(table)[train]
    count = min(split.folds, len(np.unique(groups)))
    return [(train[fit], train[test]) for fit, test in GroupKFold(count).split(train, groups=groups)]


def _refuse_rare_classes(table: TrainingTable, train: Rows, split: Split) -> None:
    target = table.target[train] if table.target is not None else np.array([])
    names, counts = np.unique(target, return_counts=True)
    if len(names) < 2:
        raise TrainingError(
            f"The training rows hold the class {names[0]!s} only.",
            hint="The rows are sorted by class; use split.by: random.",
        )
    rarest = int(np.argmin(counts))
    if split.by == "random" and counts[rarest] < split.folds:
        raise TrainingError(
            f"The class {names[rarest]!s} has {counts[rarest]} training rows, fewer than the {split.folds} folds.",
            hint="Remove or merge rare classes in 'transform', or lower split.folds.",
        )
