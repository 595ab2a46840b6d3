"""Shares requests out between the variants of a model by a key, always in the same way: no state, no chance.

Weighted rendezvous hashing: for each variant a number u between 0 and 1 is drawn from the hash of model, variant and
key, and the variant with the smallest -ln(u) / weight answers. So a variant gets its share, a raised weight moves keys
only towards its variant, and anyone can compute afterwards who answered what.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b


class Split:
    """The shares of one model's variants."""

    def __init__(self, name: str, weights: Mapping[str, float]) -> None:
        arms = [(label, weight) for label, weight in weights.items() if weight > 0]
        self._only = arms[0][0] if len(arms) == 1 else None
        self._arms = [(label, -1 / weight, _seed(name, label)) for label, weight in arms]

    def pick(self, key: str) -> str:
        """The variant for this key."""
        if self._only is not None:
            return self._only
        content = key.encode("utf-8", "surrogatepass")
        return min((factor * math.log(_share(content, seed)), label) for label, factor, seed in self._arms)[1]


def _share(content: bytes, seed: bytes) -> float:
    """A number between 0 and 1, both excluded."""
    drawn = int.from_bytes(blake2b(content, digest_size=8, key=seed).digest(), "little")
    return ((drawn >> 11) + 0.5) / 2**53


def _seed(name: str, label: str) -> bytes:
    return blake2b(f"{name}\0{label}".encode(), digest_size=16).digest()
