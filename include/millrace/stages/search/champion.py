"""What the present champion was trained with, so that a search may begin where the last one ended."""

from __future__ import annotations

from typing import Any

from millrace.errors import MillraceError
from millrace.stages.base import RunContext
from millrace.stages.search.participants import Known


def champion_params(context: RunContext) -> Known:
    """Parameters by the label of their entry; nothing without a champion, or where its run is not kept any more."""
    if not context.spec.search.warm_start:
        return {}
    try:
        champion = context.registry.champion(context.spec.name)
        if champion is None:
            return {}
        label = champion.tags.get("millrace.candidate", "")
        stages = context.runs.get_run(champion.run_id).get("stages", {})
    except MillraceError:  # a search begins well without a champion, too
        return {}
    output = (stages.get(f"train:{label}") or {}).get("output") or {}
    return _known(label, output.get("params") or {})


def _known(label: str, params: dict[str, Any]) -> Known:
    if "members" not in params:
        return {label: [params]}
    known: Known = {}
    for member in params["members"]:
        known.setdefault(member["estimator"], []).append(member["params"])
    return known
