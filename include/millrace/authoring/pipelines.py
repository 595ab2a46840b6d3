"""Makes, changes, retires and brings back pipelines; each change is checked, recorded in the audit log, and a version.

A change names the version that it was made against (`seen`; None: there is no such pipeline). Nothing here copies specs
to a disk: that is `millrace.authoring.mirror`.
"""

from __future__ import annotations

from millrace.accounts.trail import Actor, AuditTrail
from millrace.authoring.checking import FILE, usable
from millrace.authoring.errors import NoVersionError, StaleVersionError
from millrace.errors import NotFoundError, RequestError, SpecError
from millrace.settings import Settings
from millrace.stores.pipelines import MongoPipelines, SpecVersion, digest, now

MOST_NOTE = 500


class MadePipelines:
    """The pipelines of one installation that were made through the API, the console or the command line."""

    def __init__(self, settings: Settings, store: MongoPipelines, trail: AuditTrail) -> None:
        self._settings = settings
        self._store = store
        self._trail = trail

    def newest(self, name: str) -> SpecVersion | None:
        """The newest version, which may be that it is retired; None where there never was one."""
        return self._store.newest(name)

    def version(self, name: str, number: int) -> SpecVersion:
        """One version. Raises NotFoundError."""
        return self._store.version(name, number)

    def versions(self, name: str, limit: int = 100, before: int | None = None) -> list[SpecVersion]:
        """The versions without their texts, newest first. Raises NotFoundError where there never was one."""
        found = self._store.versions(name, limit, before)
        if not found and before is None:
            raise NotFoundError(f"No pipeline '{name}' was made here.", hint="One in a file has no versions here.")
        return found

    def listed(self) -> list[SpecVersion]:
        """The pipelines in force by name, without their texts."""
        return self._store.present()

    def present(self, name: str) -> SpecVersion:
        """The version in force. Raises NotFoundError."""
        found = self._store.newest(name)
        if found is None or found.retired:
            what = f"The pipeline '{name}' is retired." if found else f"No pipeline '{name}' was made here."
            raise NotFoundError(what, hint="Make it with PUT, or `millrace specs push`.")
        return found

    def put(self, actor: Actor, name: str, text: str, seen: int | None, note: str = "") -> SpecVersion:
        """Make the pipeline, or change it. Raises SpecError, StaleVersionError, NoVersionError, ConflictError."""
        before = self._store.newest(name)
        _check_seen(name, before, seen)
        spec = usable(text, self._settings)
        if spec.spec.name != name:
            raise SpecError(
                f"{FILE}:1: name: the text says '{spec.spec.name}', and the address '{name}'.",
                hint="Write the same name; another name is another pipeline.",
            )
        if before is not None and not before.retired and before.text == text:
            return before
        action = "pipeline.create" if before is None or before.retired else "pipeline.change"
        return self._added(actor, action, before, SpecVersion(
            pipeline=name, version=_next(before), text=text, sha256=digest(text), spec_version=spec.version,
            note=_short(note), by=actor.who, at=now(),
        ))  # fmt: skip

    def retire(self, actor: Actor, name: str, seen: int | None, note: str = "") -> SpecVersion:
        """Let the pipeline run no more. Its versions, runs and models stay. Raises NotFoundError, StaleVersionError."""
        before = self.present(name)
        _check_seen(name, before, seen)
        change = {"version": _next(before), "retired": True, "note": _short(note), "by": actor.who, "at": now()}
        return self._added(actor, "pipeline.retire", before, before.model_copy(update=change))

    def revert(self, actor: Actor, name: str, to: int, seen: int | None, note: str = "") -> SpecVersion:
        """Bring an earlier text back, as a new version; also that of a retired pipeline."""
        earlier = self._store.version(name, to)
        return self.put(actor, name, earlier.text, seen, note or f"as version {to}")

    def _added(self, actor: Actor, action: str, before: SpecVersion | None, version: SpecVersion) -> SpecVersion:
        self._trail.change(
            actor,
            action,
            f"pipeline:{version.pipeline}",
            lambda: self._store.add(version),
            before=_recorded(before),
            after=_recorded(version),
        )
        return version


def _check_seen(name: str, before: SpecVersion | None, seen: int | None) -> None:
    present = before.version if before is not None and not before.retired else None
    if seen == present:
        return
    if seen is None:
        raise NoVersionError(
            f"The pipeline '{name}' is there, at version {present}; a change says which version it was made against.",
            hint=f'Send If-Match: "{present}" when you have looked at it.',
            details={"version": present},
        )
    there = "is not there" if present is None else f"is at version {present}"
    raise StaleVersionError(
        f"The pipeline '{name}' {there}, and this change was made against version {seen}.",
        hint="Look at what changed, then repeat.",
        details={"version": present},
    )


def _next(before: SpecVersion | None) -> int:
    return before.version + 1 if before is not None else 1


def _short(note: str) -> str:
    if len(note) > MOST_NOTE:
        raise RequestError(f"A note has at most {MOST_NOTE} characters; this one has {len(note):,}.")
    return note


def _recorded(version: SpecVersion | None) -> dict[str, object] | None:
    """A version as the audit log keeps it: the text is among the versions."""
    return version.model_dump(include={"version", "sha256", "spec_version", "retired", "note"}) if version else None
