"""How a model's requests are shared out between its versions: one rule a model, on MongoDB, with its earlier forms.

A rule changes only from the revision that its writer saw, so two operators never undo each other unseen.
"""

from __future__ import annotations

import logging
import math
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, ValidationError, field_validator

from millrace.errors import ConflictError
from millrace.stores.mongo import Document, MongoStore, explained
from millrace.strict import StrictModel

log = logging.getLogger(__name__)
CHAMPION = "champion"
EARLIER_KEPT = 50
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TrafficSetting(StrictModel):
    """The shares of one model's requests. A variant is an alias (champion, challenger, ...) or a version's number."""

    weights: dict[str, float] = Field(
        default={CHAMPION: 1.0}, min_length=1, max_length=10, description="Variant to its weight; only ratios count."
    )
    shadow: str | None = Field(default=None, description="Variant that is asked too, and whose answers nobody sees.")
    shadow_share: float = Field(default=1.0, gt=0, le=1, description="Share of the requests that the shadow gets.")

    @field_validator("weights")
    @classmethod
    def _sensible(cls, weights: dict[str, float]) -> dict[str, float]:
        for label, weight in weights.items():
            _check_label(label)
            if not (math.isfinite(weight) and 0 <= weight <= 1e9):
                raise ValueError(f"the weight {weight} of '{label}' is not between 0 and 1e9")
        if not sum(weights.values()) > 0:
            raise ValueError("the weights are all 0; give at least one variant a share")
        return weights

    @field_validator("shadow")
    @classmethod
    def _named(cls, shadow: str | None) -> str | None:
        if shadow is not None:
            _check_label(shadow)
        return shadow

    @property
    def is_plain(self) -> bool:
        """Whether the champion answers everything and nobody listens."""
        return self.shadow is None and self.answering == [CHAMPION]

    @property
    def answering(self) -> list[str]:
        """The variants that have a share of the answers."""
        return [label for label, weight in self.weights.items() if weight > 0]

    @property
    def variants(self) -> list[str]:
        """Every variant that the rule needs."""
        return [*self.answering, *([self.shadow] if self.shadow and self.shadow not in self.answering else [])]

    def shares(self) -> dict[str, float]:
        """Each variant's share of the answers, in sum 1."""
        total = sum(self.weights.values())
        return {label: weight / total for label, weight in self.weights.items()}

    def setting(self) -> dict[str, Any]:
        """What an operator set, without when and by whom."""
        return {"weights": self.weights, "shadow": self.shadow, "shadow_share": self.shadow_share}

    def recorded(self) -> dict[str, Any]:
        """The setting as the audit log keeps it: a variant may hold a dot, which the name of a field had better not."""
        return {**self.setting(), "weights": [f"{label}={weight:g}" for label, weight in self.weights.items()]}


class TrafficRule(TrafficSetting):
    """The setting of one model, as it is kept."""

    name: str
    revision: int = Field(default=0, ge=0, description="Grows by one with each change; 0: never set.")
    updated_at: datetime | None = None
    updated_by: str | None = None


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{label!r:.70} names no variant; use an alias such as 'challenger', or a version's number")


class MongoTrafficRules(MongoStore):
    """The traffic rules of one installation."""

    @explained
    def all(self) -> dict[str, TrafficRule]:
        """Every model's rule, by name."""
        rules: dict[str, TrafficRule] = {}
        for found in self.collection("traffic").find({}, {"earlier": 0}):
            try:
                rules[found["_id"]] = _rule(found)
            except (ValidationError, KeyError, ValueError) as error:  # written by hand, or by a later Millrace
                log.error("the traffic rule of '%s' cannot be read and is not followed: %s", found["_id"], error)
        return rules

    @explained
    def get(self, name: str) -> TrafficRule:
        """A model's rule; where none was set, the one of revision 0, by which the champion answers everything."""
        found = self.collection("traffic").find_one({"_id": name}, {"earlier": 0})
        return _rule(found) if found else TrafficRule(name=name)

    @explained
    def put(self, rule: TrafficRule, by: str) -> TrafficRule:
        """Replace the rule of `rule.revision`; returns the new one. Raises ConflictError where it has changed since."""
        from pymongo.errors import DuplicateKeyError

        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as MongoDB keeps it
        new = rule.model_copy(update={"revision": rule.revision + 1, "updated_at": now, "updated_by": by})
        rules = self.collection("traffic")
        if rule.revision == 0:
            try:
                rules.insert_one({"_id": rule.name, **_values(new), "earlier": []})
            except DuplicateKeyError:
                raise _changed(rule.name) from None
            return new
        present = rules.find_one({"_id": rule.name, "revision": rule.revision}, {"earlier": 0})
        if present is None:
            raise _changed(rule.name)
        earlier = {"$each": [{key: value for key, value in present.items() if key != "_id"}], "$slice": -EARLIER_KEPT}
        wanted = {"_id": rule.name, "revision": rule.revision}
        if not rules.update_one(wanted, {"$set": _values(new), "$push": {"earlier": earlier}}).matched_count:
            raise _changed(rule.name)
        return new

    @explained
    def earlier(self, name: str) -> list[Document]:
        """The earlier forms of a rule, oldest first; at most 50."""
        found = self.collection("traffic").find_one({"_id": name}, {"earlier": 1})
        return list(found["earlier"]) if found else []


def _rule(found: Document) -> TrafficRule:
    values = {key: value for key, value in found.items() if key not in {"_id", "weights"}}
    # Pairs, not a document: the labels are not ours to forbid a '.' or a '$' in.
    return TrafficRule(name=found["_id"], weights=dict(found["weights"]), **values)


def _values(rule: TrafficRule) -> Document:
    values = rule.model_dump(exclude={"name"})
    return {**values, "weights": [[label, weight] for label, weight in rule.weights.items()]}


def _changed(name: str) -> ConflictError:
    return ConflictError(f"The traffic of '{name}' was changed by somebody else meanwhile.", hint="Look, then repeat.")
