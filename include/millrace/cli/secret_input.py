"""Takes a secret from the person: typed without an echo, or from standard input. Never from the command line."""

from __future__ import annotations

import sys

import typer

from millrace.cli.failures import CommandError


def secret_from_person(what: str) -> str:
    """The secret: asked for twice at a terminal, else all of standard input without its last line end."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=True, err=True))
    try:
        given = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandError(
            f"The {what.lower()} is no text in UTF-8.", hint="Encode binary values, as base64."
        ) from None
    if not given:
        raise CommandError(
            f"No {what.lower()} was given.", hint="Type it at a terminal, or send it to standard input: ... < FILE."
        )
    return given
