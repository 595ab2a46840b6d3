"""The comparison of a challenger with the champion as Markdown, for the person who is asked to approve it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from millrace.stages.outputs import Evaluated

Document = dict[str, Any]


def comparison(name: str, version: str, evaluated: Evaluated, told: Document, run_page: str) -> str:
    """What the rule found, the metrics of both with their intervals, and where the plots are."""
    best = next(one for one in evaluated.candidates if one["name"] == evaluated.best)
    standing = told.get("champion")
    against = f"the champion, version {standing['version']}" if standing else "no champion"
    lines = [
        f"**{name}**: version {version} (`{evaluated.best}`) against {against}, on the same held-out rows.",
        "",
        *_table(best, evaluated.champion if standing else None, evaluated.metric),
        "",
        *[f"- {'✓' if check['passed'] else '✗'} {check['found']}" for check in told.get("checks", [])],
        "",
        f"[Plots and all figures of the run]({run_page})",
    ]
    return "\n".join(lines)


def run_page(service: str, run_id: str) -> str:
    """The console's page of a run."""
    return f"{service.rstrip('/')}/console#/runs/{quote(run_id, safe='')}"


def _table(best: Document, champion: Document | None, deciding: str) -> list[str]:
    names = sorted(best["metrics"], key=lambda metric: (metric != deciding, metric))
    rows = ["| metric | challenger | champion |", "|---|---|---|"]
    return [*rows, *[f"| {name} | {_cell(best, name)} | {_cell(champion, name)} |" for name in names]]


def _cell(document: Document | None, metric: str) -> str:
    value = (document or {}).get("metrics", {}).get(metric)
    if document is None or value is None:
        return "-"
    bounds = document.get("intervals", {}).get(metric)
    return f"{value:.4g}" + (f" ({bounds[0]:.4g} to {bounds[1]:.4g})" if bounds else "")
