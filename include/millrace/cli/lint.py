"""`millrace lint` and `millrace schema`: is this a spec, and what may a spec say?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.failures import BAD_USAGE, CommandError
from millrace.cli.output import note, print_json, print_text

if TYPE_CHECKING:
    from millrace.errors import SpecError
    from millrace.spec.models import PipelineSpec


def lint(
    specs: Annotated[list[Path], typer.Argument(metavar="SPEC...", help="YAML files, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check specs; prints file, line, what was found and what is allowed. Exit code 2 when one cannot be used."""
    checked = 0
    errors: list[str] = []
    warnings: list[str] = []
    for path in specs:
        loaded, problems = _loaded(path)
        checked += len(loaded) + len(problems)
        errors += [line for problem in problems for line in str(problem).splitlines()]
        warnings += [f"{file}: {sentence}" for file, spec in loaded for sentence in _warnings(spec)]
    if as_json:
        print_json({"specs": checked, "errors": errors, "warnings": warnings})
    else:
        _print_findings(checked, errors, warnings)
    if errors:
        raise typer.Exit(BAD_USAGE)


def _print_findings(checked: int, errors: list[str], warnings: list[str]) -> None:
    for text in errors:
        print_text(f"error: {text}")
    for text in warnings:
        print_text(f"warning: {text}")
    note(f"{checked} checked, {len(errors)} with errors, {len(warnings)} warnings.")


def _loaded(path: Path) -> tuple[list[tuple[str, PipelineSpec]], list[SpecError]]:
    """The good specs under `path` with their files, and the problems of the others."""
    from millrace.errors import SpecError
    from millrace.spec.catalogue import load_catalogue, load_spec

    if path.is_dir():
        catalogue = load_catalogue(path)
        if not catalogue.specs and not catalogue.problems:
            raise CommandError(f"{path} holds no spec.", hint="A spec is a file that ends in .yaml or .yml.")
        return [(str(loaded.path), loaded.spec) for loaded in catalogue.specs.values()], catalogue.problems
    try:
        return [(str(path), load_spec(path).spec)], []
    except SpecError as error:
        return [], [error]


def _warnings(spec: PipelineSpec) -> list[str]:
    from millrace.authoring.cautions import cautions
    from millrace.settings import get_settings

    return cautions(spec, get_settings())


def schema() -> None:
    """Print the JSON schema of a spec, for editors: it completes and checks while you type."""
    from millrace.spec.schema import spec_schema

    print_json(spec_schema())
