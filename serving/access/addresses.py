"""Addresses: which of them a request really came from, and which may come at all."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class Networks:
    """A list of addresses and networks (CIDR)."""

    def __init__(self, written: str) -> None:
        """Read a list separated by commas. Raises ValueError that names the odd one."""
        parts = [part.strip() for part in written.split(",") if part.strip()]
        self._networks: tuple[Network, ...] = tuple(ip_network(part, strict=False) for part in parts)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: object) -> bool:
        found = _read(str(address))
        return found is not None and any(found in network for network in self._networks)


@lru_cache(maxsize=10_000)
def counted_address(address: str) -> str:
    """Under what an address is counted: of IPv6 its /64, since whoever has one of these addresses has all of them."""
    found = _read(address)
    return str(IPv6Network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address


def real_address(peer: str, forwarded: str | None, trusted: Networks) -> str:
    """The address behind trusted proxies: from the right, the first one of X-Forwarded-For that is not trusted.

    What stands left of it was written by the caller and means nothing; so does a header from a peer not trusted.
    """
    address = peer
    for part in reversed((forwarded or "").split(",")):
        if address not in trusted or _read(part) is None:
            return address
        address = str(_read(part))
    return address


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
