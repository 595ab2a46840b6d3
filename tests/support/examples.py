"""How many examples a property test looks at, in proportion to what the profile asks for."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

USUAL = 100
"""What Hypothesis looks at where nobody says how many."""


def examples(count: int, **more: Any) -> settings:
    """So many every day; in a profile that asks for more than the usual number, as many times more.

    `more`: other settings of Hypothesis.
    """
    asked = settings.default.max_examples if settings.default is not None else USUAL
    return settings(max_examples=max(1, count * asked // USUAL), **more)
