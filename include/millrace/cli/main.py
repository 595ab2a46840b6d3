"""The `millrace` program: puts the commands together and maps every error to one line.

Each command imports the library inside itself, so that help answers at once. No logic lives here.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from typing import Annotated

import typer

from millrace import __version__
from millrace.cli import (
    alerts,
    backfill,
    credentials,
    init,
    keys,
    lint,
    made_specs,
    maintenance,
    models,
    monitor,
    predict,
    run,
    runs,
    score,
    stack,
    users,
)
from millrace.cli.failures import debugging, report

app = typer.Typer(
    name="millrace",
    help="From a table and a short YAML file to a scheduled, validated, tracked and served model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"millrace {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show stack traces and all logs.")] = False,
) -> None:
    if debug:
        os.environ["MILLRACE_DEBUG"] = "1"
    _configure_logging()


def _configure_logging() -> None:
    level = logging.INFO if debugging() else logging.ERROR
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)  # The handler too: libraries lower the level of their own loggers.
    logging.basicConfig(handlers=[handler], level=level, format="%(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)


for command in (stack.up, stack.down, stack.status, stack.doctor):
    app.command(rich_help_panel="The stack")(command)
app.command("init", rich_help_panel="Specs")(init.init)
app.command("lint", rich_help_panel="Specs")(lint.lint)
app.command("schema", rich_help_panel="Specs")(lint.schema)
app.add_typer(made_specs.app, name="specs", rich_help_panel="Specs")
app.command("run", rich_help_panel="Runs")(run.run)
app.command("backfill", rich_help_panel="Runs")(backfill.backfill)
app.add_typer(runs.app, name="runs", rich_help_panel="Runs")
app.add_typer(models.app, name="models", rich_help_panel="Models")
app.command("backup", rich_help_panel="The installation")(maintenance.backup)
app.command("restore", rich_help_panel="The installation")(maintenance.restore)
app.command("prune", rich_help_panel="The installation")(maintenance.prune)
app.command("monitor", rich_help_panel="Monitoring")(monitor.monitor)
app.add_typer(alerts.app, name="alerts", rich_help_panel="Monitoring")
app.command("predict", rich_help_panel="Models")(predict.predict)
app.command("score", rich_help_panel="Models")(score.score)
app.add_typer(users.app, name="users", rich_help_panel="Access")
app.add_typer(keys.app, name="keys", rich_help_panel="Access")
app.add_typer(credentials.app, name="credentials", rich_help_panel="Access")


def main() -> None:
    """Run the program; exits with 0, 1, 2 or 130 (see `millrace.cli.failures`)."""
    # Read by OpenMP when scikit-learn is imported: threads that spin slow one another down on busy cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(prog_name="millrace")
    except Exception as error:
        if debugging():
            raise
        sys.exit(report(error))
    finally:
        # What was imported dies with the process; tearing it down object by object would take more than a second.
        gc.freeze()
