"""What the short way reads in a request's headers; a header that it does not understand sends the request on."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access.middleware import bearer_of

Headers = list[tuple[bytes, bytes]]
_READ = frozenset({b"authorization", b"x-api-key", b"x-request-id", b"x-millrace-key"})
_UNUSUAL = frozenset({b"origin", b"expect", b"upgrade", b"content-encoding", b"x-millrace-deadline-ms"})


@dataclass(frozen=True, slots=True)
class Known:
    """The headers that matter: who asks, from where, and under which names."""

    token: str | None = None
    forwarded: str | None = None
    is_secure: bool = False
    request_id: bytes | None = None
    key: str | None = None


def read_headers(headers: Headers, *, behind_proxy: bool, longest_key: int) -> Known | None:
    """What the headers say; None where the ordinary way must look. `behind_proxy`: whether its headers are believed."""
    found: dict[bytes, bytes] = {}
    forwarded: list[str] = []
    for name, value in headers:
        if name in _UNUSUAL or (name in found and name in _READ):
            return None
        if name in _READ or (behind_proxy and name == b"x-forwarded-proto"):
            found[name] = value
        elif behind_proxy and name == b"x-forwarded-for":
            forwarded.append(value.decode("latin-1"))
    given, key = found.get(b"x-api-key"), found.get(b"x-millrace-key")
    bearer = bearer_of(found[b"authorization"]) if b"authorization" in found else None
    return Known(
        token=bearer or (given.decode("latin-1") if given is not None else None),
        forwarded=",".join(forwarded) if forwarded else None,
        is_secure=found.get(b"x-forwarded-proto") == b"https",
        request_id=found.get(b"x-request-id"),
        key=key.decode("latin-1")[:longest_key] if key is not None else None,
    )
