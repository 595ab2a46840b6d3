"""`millrace alerts`: what is wrong, who knows of it, and that it is over."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import as_columns, print_json, print_text

if TYPE_CHECKING:
    from millrace.alerts.desk import AlertDesk

app = typer.Typer(help="What is wrong, and who knows of it.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(help="The alert's id, as 'millrace alerts list' shows it.")]
_HIDDEN = {"slot", "told_critical"}


@app.command("list")
def list_alerts(
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    status: Annotated[str, typer.Option(help="active, open, acknowledged, resolved or all.")] = "active",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 50,
    as_json: Json = False,
) -> None:
    """The alerts, newest first."""
    from millrace.cli.failures import CommandError
    from millrace.errors import did_you_mean

    allowed = ("active", "open", "acknowledged", "resolved", "all")
    if status not in allowed:
        raise CommandError(f"'{status}' is no state of an alert.", hint=did_you_mean(status, allowed))
    found = _desk().store.find(pipeline, None if status == "all" else status, limit)
    if as_json:
        print_json([_shown(alert) for alert in found])
    elif found:
        names = ("_id", "status", "severity", "pipeline", "kind", "subject", "last_seen_at", "message")
        header = ["id", "status", "severity", "pipeline", "kind", "subject", "last seen", "what"]
        print_text(as_columns(header, [[_cell(alert.get(name)) for name in names] for alert in found]))
    else:
        print_text("No alerts.")


@app.command()
def show(alert_id: Id, as_json: Json = False) -> None:
    """One alert, with what became of its deliveries."""
    _tell(_desk().store.get(alert_id), as_json)


@app.command()
def acknowledge(alert_id: Id, as_json: Json = False) -> None:
    """Say that you know. Repeating it changes nothing."""
    desk = _desk()
    _tell(_recorded(desk, "acknowledge", alert_id, lambda: desk.store.acknowledge(alert_id, _person())), as_json)


@app.command()
def resolve(alert_id: Id, as_json: Json = False) -> None:
    """End an alert; if the condition is found again, a new one opens."""
    desk = _desk()
    _tell(_recorded(desk, "resolve", alert_id, lambda: desk.resolve(alert_id, _person(), "by hand")), as_json)


@app.command()
def deliver(
    failed: Annotated[bool, typer.Option("--failed", help="Also what was given up.")] = False,
) -> None:
    """Send now what waits to be told; the service does this by itself."""
    desk = _desk()
    if failed:
        desk.store.retry_failed()
    print_text(f"{desk.deliver()} delivered.")


def _recorded(desk: AlertDesk, verb: str, alert_id: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Change an alert, and keep in the audit log that it was done here."""
    from millrace.accounts.trail import AuditTrail, at_the_shell
    from millrace.settings import get_settings
    from millrace.stores.audit_log import MongoAuditLog

    before = {"status": desk.store.get(alert_id)["status"]}
    trail = AuditTrail(MongoAuditLog(get_settings()))
    return trail.change(at_the_shell(), f"alerts.{verb}", f"alert:{alert_id}", work, before)


def _desk() -> AlertDesk:
    from millrace.alerts.desk import AlertDesk
    from millrace.settings import get_settings

    return AlertDesk(get_settings())


def _person() -> str:
    return f"{getpass.getuser()} (millrace alerts)"


def _tell(alert: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(_shown(alert))
        return
    print_text(f"{alert['status']}: {alert['pipeline']}: {alert['message']}")
    rows = [[news[name] for name in ("event", "channel", "status", "attempts", "error")] for news in alert["news"]]
    if rows:
        print_text(as_columns(["event", "channel", "delivery", "attempts", "error"], rows))


def _shown(alert: dict[str, Any]) -> dict[str, Any]:
    return {"id": alert["_id"], **{name: value for name, value in alert.items() if name not in {"_id", *_HIDDEN}}}


def _cell(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
