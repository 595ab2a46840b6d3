"""Stored credentials of sources and sinks: admins set and remove them; no answer ever holds a value."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from millrace.stores.credentials import MOST_CHARACTERS, NAME
from serving.access.audit import actor_of
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(
    prefix="/api/v1/credentials", tags=["access"], dependencies=[Depends(require(Permission.CREDENTIALS))]
)
Name = Annotated[str, Path(pattern=f"^{NAME}$")]


class NewValue(BaseModel):
    """The value of a credential."""

    model_config = ConfigDict(extra="forbid")

    value: SecretStr = Field(min_length=1, max_length=MOST_CHARACTERS)


class CredentialAnswer(Answer):
    """What is known of a credential; never its value."""

    credential: dict[str, Any]


class CredentialsAnswer(Answer):
    """All credentials by name; never their values."""

    credentials: list[dict[str, Any]]


class RotationAnswer(Answer):
    """How many credentials were encrypted anew."""

    rotated: int


@router.get("", responses=errors(401, 403, 503))
def credentials(services: ServicesDep) -> CredentialsAnswer:
    """List the names, who set them and when."""
    found = services.access.credentials.listed()
    return CredentialsAnswer(timestamp=now(), request_id=request_id.get(), credentials=found)


@router.put("/{credential}", responses=errors(401, 403, 422, 503))
def put(credential: Name, given: NewValue, request: Request, services: ServicesDep) -> CredentialAnswer:
    """Store a value, encrypted, instead of the one that was there."""
    about = services.access.credentials.set(actor_of(request), credential, given.value.get_secret_value())
    return CredentialAnswer(timestamp=now(), request_id=request_id.get(), credential=about)


@router.delete("/{credential}", responses=errors(401, 403, 404, 422, 503))
def delete(credential: Name, request: Request, services: ServicesDep) -> Answer:
    """Forget a credential."""
    services.access.credentials.remove(actor_of(request), credential)
    return Answer(timestamp=now(), request_id=request_id.get())


@router.post("/rotate", responses=errors(401, 403, 503))
def rotate(request: Request, services: ServicesDep) -> RotationAnswer:
    """Encrypt all credentials anew under the first key."""
    count = services.access.credentials.rotate(actor_of(request))
    return RotationAnswer(timestamp=now(), request_id=request_id.get(), rotated=count)
