"""Writes plain data as the YAML that a person would write: short flow style, quotes only where they are needed."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./()%-]*(?: [A-Za-z0-9_./()%-]+)*")
_OTHER_MEANING = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}

Line = tuple[str, str]
"""A line of YAML and the comment behind it; a comment may be empty."""


def flow(value: Any) -> str:
    """The value in flow style, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value)


def comment(text: str) -> str:
    """A comment for the end of a line; nothing for an empty text. Line breaks in it would end the comment."""
    return "    # " + " ".join(text.split()) if text else ""


def items(lines: list[Line]) -> list[str]:
    """The lines as the items of a list."""
    return [f"  - {text}{comment(reason)}" for text, reason in lines]


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _OTHER_MEANING:
        return value
    # JSON's escapes are YAML's too; a character that YAML forbids is escaped, the rest stays readable.
    written = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in written)
