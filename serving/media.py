"""Which media type a body has, and which its sender wants back."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from starlette.datastructures import Headers

from serving.failures import NotAcceptableError


def media_type(headers: Headers) -> str:
    """The type of the body, without its parameters; empty where the sender does not say."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def wanted_type(headers: Headers, offered: Collection[str], default: str) -> str:
    """The offered type that the sender prefers; `default` where anything will do. Raises NotAcceptableError."""
    asked = headers.get("accept", "").strip()
    for pattern in _by_preference(asked.split(",")) if asked else ["*/*"]:
        if pattern in offered:
            return pattern
        if _covers(pattern, default):
            return default
        covered = next((name for name in offered if _covers(pattern, name)), None)
        if covered is not None:
            return covered
    raise NotAcceptableError(f"The answer cannot be given as {asked!r:.80}.", hint=f"Allowed: {', '.join(offered)}.")


def _by_preference(parts: Iterable[str]) -> list[str]:
    """The patterns of an Accept header by their q, those without any value left out."""
    found = []
    for part in parts:
        pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if quality > 0:
            found.append((quality, pattern))
    return [pattern for _, pattern in sorted(found, key=lambda pair: -pair[0])]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _covers(pattern: str, name: str) -> bool:
    return pattern == "*/*" or (pattern.endswith("/*") and name.startswith(pattern[:-1]))
