"""`millrace models traffic`: how a model's requests are shared out between its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import as_columns, print_json, print_text

if TYPE_CHECKING:
    from millrace.settings import Settings
    from millrace.stores.traffic import TrafficRule


def traffic(
    name: Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")],
    weight: Annotated[
        list[str] | None,
        typer.Option("--weight", "-w", help="VARIANT=WEIGHT, an alias or a version; repeat it for each."),
    ] = None,
    shadow: Annotated[str | None, typer.Option("--shadow", help="Variant that is asked too, unseen.")] = None,
    shadow_share: Annotated[float, typer.Option("--shadow-share", help="Share of the requests that it gets.")] = 1.0,
    clear: Annotated[bool, typer.Option("--clear", help="The champion answers everything.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how the requests are shared out; with --weight, --shadow or --clear, set it (all of it, not a part)."""
    from millrace.settings import get_settings
    from millrace.stores.traffic import MongoTrafficRules

    settings, given = get_settings(), bool(weight or shadow)
    if clear and given:
        raise CommandError("--clear goes alone.", hint="Leave out --weight and --shadow, or --clear.")
    rule = MongoTrafficRules(settings).get(name)
    if clear or given:
        wanted = _weights(weight or ["champion=1"])
        rule = _set(settings, rule, {"weights": wanted, "shadow": shadow, "shadow_share": shadow_share})
    _show(rule, as_json)


def _set(settings: Settings, present: TrafficRule, setting: dict[str, Any]) -> TrafficRule:
    from pydantic import ValidationError

    from millrace.accounts.trail import AuditTrail, at_the_shell
    from millrace.stores.audit_log import MongoAuditLog
    from millrace.stores.traffic import MongoTrafficRules, TrafficRule

    try:
        rule = TrafficRule.model_validate({**present.model_dump(), **setting})
    except ValidationError as error:
        problem = error.errors()[0]
        raise CommandError(f"The traffic cannot be set: {problem['loc'][0]}: {problem['msg']}.") from None
    _check(settings, rule)
    actor = at_the_shell()
    return AuditTrail(MongoAuditLog(settings)).change(
        actor,
        "models.traffic",
        f"model:{rule.name}",
        lambda: MongoTrafficRules(settings).put(rule, actor.who),
        before=present.recorded(),
        after=rule.recorded(),
    )


def _check(settings: Settings, rule: TrafficRule) -> None:
    """Refuse a variant that the registry does not know. Whether a version can be loaded, the service finds out."""
    from millrace.errors import NotFoundError, did_you_mean
    from millrace.stores.model_registry import MlflowRegistry

    versions = MlflowRegistry(settings).versions(rule.name)
    known = {v.version for v in versions} | {alias for v in versions for alias in v.aliases}
    if not known:
        raise NotFoundError(f"There is no model '{rule.name}'.", hint="'millrace models list' shows the models.")
    for label in rule.variants:
        if label not in known:
            raise NotFoundError(
                f"The model '{rule.name}' has neither a version nor an alias '{label}'.",
                hint=did_you_mean(label, known),
            )


def _weights(written: list[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for entry in written:
        label, mark, number = entry.rpartition("=")
        try:
            weights[label] = float(number)
        except ValueError:
            mark = ""
        if not mark or not label:
            raise CommandError(f"{entry!r} is no weight.", hint="Write --weight challenger=10.")
    return weights


def _show(rule: TrafficRule, as_json: bool) -> None:
    if as_json:
        print_json(rule.model_dump(mode="json"))
        return
    shares = rule.shares()
    rows = [[label, f"{shares.get(label, 0):.1%}", _part(rule, label)] for label in rule.variants]
    print_text(as_columns(["variant", "answers", "shadow"], rows))


def _part(rule: TrafficRule, label: str) -> str:
    return f"{rule.shadow_share:.0%}" if label == rule.shadow else ""
