"""Decides which version answers a request: by the model's traffic rule and the caller's key, else the champion.

A variant that is not there, or does not take what the champion takes, never costs an answer: the champion takes its
share, and that is counted and told.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any, NamedTuple

from millrace.errors import MillraceError
from millrace.stores.traffic import CHAMPION, TrafficRule
from serving.runtime.likeness import unlike
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.manager import ModelManager
from serving.runtime.split import Split
from serving.runtime.traffic_rules import TrafficRules
from serving.runtime.variants import Variants

log = logging.getLogger(__name__)
RECENT_SECONDS = 600.0
"""For how long a variant's failure is told."""
_MISSED = {True: "the champion stands in for the variant", False: "nothing is to be learnt from the shadow"}


class Choice(NamedTuple):
    """A version that answers, and the variant that it answers for."""

    model: LoadedModel
    variant: str


class Shadow(NamedTuple):
    """A version that is asked too, its share of the requests, and the variant that the rule calls it."""

    model: LoadedModel
    share: float
    label: str


class Traffic:
    """The choices of one process."""

    def __init__(self, manager: ModelManager, variants: Variants, rules: TrafficRules) -> None:
        self._manager, self._variants, self._rules = manager, variants, rules
        self._seen: dict[str, TrafficRule] = {}
        self._splits: dict[str, Split] = {}
        self._unlike: dict[tuple[bytes, bytes], str | None] = {}
        self._failed: dict[tuple[str, str], tuple[float, str]] = {}
        self.fallbacks: Counter[tuple[str, str]] = Counter()
        """How often the champion answered in place of a variant, by model and variant."""

    def choose(self, name: str, key: str) -> Choice:
        """Who answers the request with this key. Raises NotFoundError or NotLoadedError where the champion is absent.

        Costs less than a microsecond for a model without a rule.
        """
        if self._rules.rules is not self._seen:
            self._take()
        split = self._splits.get(name)
        if split is None:
            return Choice(self._manager.get(name), CHAMPION)
        label = split.pick(key)
        champion = self._manager.get(name)
        if label == CHAMPION:
            return Choice(champion, CHAMPION)
        found, _ = self._usable(name, label, champion)
        if found is None:
            self.fallbacks[name, label] += 1
            return Choice(champion, CHAMPION)
        return Choice(found, label)

    def splits(self, name: str) -> bool:
        """Whether a key matters for this model."""
        if self._rules.rules is not self._seen:
            self._take()
        return name in self._splits

    def shadow_of(self, name: str) -> Shadow | None:
        """The version that is asked too; None where there is none that can."""
        rule = self._rules.rules.get(name)
        champion = self._manager.models.get(name)
        if rule is None or rule.shadow is None or champion is None:
            return None
        found, _ = self._usable(name, rule.shadow, champion)
        return None if found is None else Shadow(found, rule.shadow_share, rule.shadow)

    def fall_back(self, choice: Choice, error: MillraceError) -> Choice | None:
        """Who answers after a variant failed; None where nobody else can."""
        name = choice.model.name
        champion = self._manager.models.get(name)
        if choice.variant == CHAMPION or champion is None or champion is choice.model:
            return None
        self.fallbacks[name, choice.variant] += 1
        self.note_failure(name, choice.variant, str(error))
        return Choice(champion, CHAMPION)

    def note_failure(self, name: str, variant: str, sentence: str) -> None:
        """Keep in mind that a variant failed just now."""
        if (name, variant) not in self._failed:
            log.error("%s: the variant '%s' failed: %s", name, variant, sentence)
        self._failed[name, variant] = (time.monotonic(), sentence)

    def misfit(self, champion: LoadedModel, other: LoadedModel) -> str | None:
        """Why a version cannot answer in the champion's place, or None."""
        key = (champion.stamp, other.stamp)
        if key not in self._unlike:
            if len(self._unlike) > 1_000:
                self._unlike.clear()
            self._unlike[key] = _misfit(champion, other)
        return self._unlike[key]

    def states(self, name: str) -> list[dict[str, Any]]:
        """The variants of a model's rule, as small JSON: version, share, state and what is wrong."""
        rule = self._rules.rules.get(name) or TrafficRule(name=name)
        shares = rule.shares()
        return [self._state(name, label, shares.get(label, 0.0), label == rule.shadow) for label in rule.variants]

    def problems(self) -> list[str]:
        """One sentence for each variant that does not do its part."""
        return [
            f"{name}: {_MISSED[state['share'] > 0]} '{state['variant']}': {state['error']}"
            for name, rule in self._rules.rules.items()
            if not rule.is_plain
            for state in self.states(name)
            if state["error"] is not None
        ]

    def _take(self) -> None:
        self._seen = rules = self._rules.rules
        answering = {name: rule for name, rule in rules.items() if rule.answering != [CHAMPION]}
        self._splits = {name: Split(name, rule.weights) for name, rule in answering.items()}

    def _usable(self, name: str, label: str, champion: LoadedModel) -> tuple[LoadedModel | None, str | None]:
        """The variant's version where it can answer; else None and why."""
        try:
            found = self._variants.find(name, label)
            if found is None:
                failure = self._variants.failures.get((name, self._variants.number(name, label)))
                return None, failure.error if failure else "It is being loaded."
        except MillraceError as error:
            return None, str(error)
        reason = self.misfit(champion, found)
        return (found, None) if reason is None else (None, reason)

    def _state(self, name: str, label: str, share: float, is_shadow: bool) -> dict[str, Any]:
        champion = self._manager.models.get(name)
        model, error = (champion, None) if label == CHAMPION else (None, "The model has no champion that serves.")
        if champion is not None and label != CHAMPION:
            model, error = self._usable(name, label, champion)
        when, sentence = self._failed.get((name, label), (0.0, None))
        if error is None and sentence is not None and time.monotonic() - when < RECENT_SECONDS:
            error = sentence
        return {
            "variant": label,
            "share": share,
            "shadow": is_shadow,
            "version": model.version.version if model else None,
            "error": error,
            "fallbacks": self.fallbacks[name, label],
        }


def _misfit(champion: LoadedModel, other: LoadedModel) -> str | None:
    if (champion.task, champion.targets) != (other.task, other.targets):
        return f"Version {other.version.version} is {_purpose(other)}, but the champion is {_purpose(champion)}."
    reason = unlike(champion.signature, other.signature)
    return None if reason is None else f"Version {other.version.version} {reason}."


def _purpose(model: LoadedModel) -> str:
    targets = ", ".join(model.targets)
    return f"a {model.task} of {targets}" if targets else f"a {model.task}"
