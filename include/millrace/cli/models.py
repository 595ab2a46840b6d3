"""`millrace models`: the versions of each model, and which of them is the champion."""

from __future__ import annotations

import typer

app = typer.Typer(help="Model versions and the champion.", no_args_is_help=True)
