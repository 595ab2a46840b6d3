"""The specs of pipelines: shown with their versions, checked as they are typed, made, changed, retired, brought back.

A version is the ETag. A change names by If-Match the version that it was made against; a new pipeline needs none.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from millrace.authoring.checking import MOST_CHARACTERS, check_text
from millrace.authoring.pipelines import MOST_NOTE
from millrace.errors import ConflictError, NotFoundError, RequestError
from millrace.stores.pipelines import SpecVersion, digest
from serving.access.audit import actor_of
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/pipelines", tags=["pipelines"])
_READ, _CHANGE = ([Depends(require(p))] for p in (Permission.READ, Permission.PIPELINES))
_REFUSALS = errors(400, 401, 403, 404, 409, 412, 413, 422, 428, 503)
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
IfMatch = Annotated[str | None, Header(description='The version that the change was made against, such as "3".')]
_TAG = re.compile(r'(?:W/)?"?(?P<version>[0-9]{1,9})"?')


class Text(BaseModel):
    """The text of a spec."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MOST_CHARACTERS, description="The spec as YAML.")


class NewText(Text):
    """A text that is to be a pipeline's spec."""

    note: str = Field(default="", max_length=MOST_NOTE, description="Why, for those who look at the versions.")


class Back(BaseModel):
    """The version whose text is to be in force again."""

    model_config = ConfigDict(extra="forbid")

    version: Version
    note: str = Field(default="", max_length=MOST_NOTE)


class SpecAnswer(Answer):
    """A spec as it was written."""

    pipeline: str
    made: bool = Field(description="Through the API; else it stands in a file of the installation.")
    text: str
    sha256: str
    spec_version: str = Field(description="The hash of its meaning, as runs name it.")
    version: int | None = Field(description="Of a made pipeline.")
    retired: bool
    note: str | None = None
    by: str | None = None
    at: str | None = None


class VersionAnswer(Answer):
    """The version that a change made, or found in force already."""

    version: dict[str, Any] = Field(description="pipeline, version, sha256, spec_version, retired, note, by, at.")


class VersionsAnswer(Answer):
    """The versions of a pipeline without their texts, newest first; `next_before` asks for the next page."""

    versions: list[dict[str, Any]]
    next_before: int | None = None


class CheckAnswer(Answer):
    """What was found in a text."""

    usable: bool
    pipeline: str | None = Field(description="The name that it gives.")
    spec_version: str | None
    errors: list[dict[str, Any]] = Field(description="line, message: what was found and what is allowed.")
    warnings: list[str]


@router.post("/check", dependencies=_CHANGE, responses=errors(401, 403, 413, 422))
def check(given: Text, services: ServicesDep) -> CheckAnswer:
    """Check a text as `millrace lint` checks a file, and against what a made pipeline may reach. Nothing is kept."""
    found = check_text(given.text, services.settings)
    return CheckAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        usable=found.loaded is not None,
        pipeline=found.loaded.spec.name if found.loaded else None,
        spec_version=found.loaded.version if found.loaded else None,
        errors=found.errors,
        warnings=found.warnings,
    )


@router.get("/{name}/spec", dependencies=_READ, responses=errors(401, 403, 404, 422, 503))
def spec(
    name: Name, response: Response, services: ServicesDep, version: Annotated[Version | None, Query()] = None
) -> SpecAnswer:
    """Show the spec in force, or an earlier version of a made one."""
    if version is not None:
        return _shown(services.made.version(name, version), response)
    loaded = services.specs.catalogue().specs.get(name)
    if loaded is not None and not loaded.made:
        text = loaded.path.read_text(encoding="utf-8")
        return SpecAnswer(
            timestamp=now(), request_id=request_id.get(), pipeline=name, made=False, text=text, sha256=digest(text),
            spec_version=loaded.version, version=None, retired=False,
        )  # fmt: skip
    found = services.made.newest(name)
    if found is None:
        raise NotFoundError(f"There is no pipeline '{name}'.", hint="GET /api/v1/pipelines lists them.")
    return _shown(found, response)


@router.get("/{name}/spec/versions", dependencies=_READ, responses=errors(401, 403, 404, 422, 503))
def versions(
    name: Name,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[Version | None, Query()] = None,
) -> VersionsAnswer:
    """List the versions of a made pipeline, newest first."""
    found = services.made.versions(name, limit, before)
    return VersionsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        versions=[version.about() for version in found],
        next_before=found[-1].version if len(found) == limit else None,
    )


@router.put("/{name}", dependencies=_CHANGE, responses=_REFUSALS)
def put(
    name: Name, given: NewText, request: Request, response: Response, services: ServicesDep, if_match: IfMatch = None
) -> VersionAnswer:
    """Make a pipeline, or change it. It is scheduled as soon as Airflow has read the copy, which takes seconds."""
    _refuse_file(services, name)
    made = services.made.put(actor_of(request), name, given.text, _seen(if_match), given.note)
    return _changed(services, made, response)


@router.delete("/{name}", dependencies=_CHANGE, responses=_REFUSALS)
def retire(
    name: Name,
    request: Request,
    response: Response,
    services: ServicesDep,
    if_match: IfMatch = None,
    note: Annotated[str, Query(max_length=MOST_NOTE)] = "",
) -> VersionAnswer:
    """Retire a pipeline: it runs no more. Its versions, runs and models stay."""
    _refuse_file(services, name)
    return _changed(services, services.made.retire(actor_of(request), name, _seen(if_match), note), response)


@router.post("/{name}/revert", dependencies=_CHANGE, responses=_REFUSALS)
def revert(
    name: Name, given: Back, request: Request, response: Response, services: ServicesDep, if_match: IfMatch = None
) -> VersionAnswer:
    """Bring the text of an earlier version back, as a new version; also that of a retired pipeline."""
    _refuse_file(services, name)
    made = services.made.revert(actor_of(request), name, given.version, _seen(if_match), given.note)
    return _changed(services, made, response)


def _refuse_file(services: Services, name: str) -> None:
    loaded = services.specs.catalogue().specs.get(name)
    if loaded is not None and not loaded.made:
        raise ConflictError(
            f"The pipeline '{name}' stands in the file {loaded.path.name}, which wins over one that is made here.",
            hint="Change that file, or choose another name.",
        )


def _seen(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestError(f"If-Match is {if_match!r:.40}, which is no version.", hint='Write it as "3".')
    return int(found["version"])


def _changed(services: Services, version: SpecVersion, response: Response) -> VersionAnswer:
    services.copyist.look_now()
    response.headers["ETag"] = f'"{version.version}"'
    return VersionAnswer(timestamp=now(), request_id=request_id.get(), version=version.about())


def _shown(version: SpecVersion, response: Response) -> SpecAnswer:
    response.headers["ETag"] = f'"{version.version}"'
    return SpecAnswer(timestamp=now(), request_id=request_id.get(), made=True, text=version.text, **version.about())
