"""Every `millrace` command of the documentation is one that the program takes, and every option is told of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from doc_pages import PAGES, PROJECT, blocks, inline_code

from millrace.cli.main import app

PROGRAM = typer.main.get_command(app)
_LINE = re.compile(r"^(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?millrace (?:--debug COMMAND|(?P<rest>[a-z-].+))$")


def commands() -> Iterator[tuple[str, str]]:
    """Each command line with the page it stands on; those of a block as they are typed."""
    for block in blocks():
        for line in block.text.replace("\\\n", " ").splitlines():
            if (match := _LINE.match(line.strip())) and match["rest"]:
                yield str(block), re.split(r"\s+(?:[#>]|< )", match["rest"])[0]
    for page in PAGES:
        for code in inline_code(page):
            if (match := _LINE.match(code)) and match["rest"]:
                yield page.name, re.split(r"\s+<", match["rest"])[0]


COMMANDS = sorted(set(commands()))


def written_out(text: str) -> list[str]:
    """A line of usage as somebody would type it: optional parts given, the first of alternatives, no dots."""
    text = re.sub(r"[\[\]?…]|\.\.\.", "", text)
    text = re.sub(r"(?<=[\w])\|[\w|.]+", "", text)
    return shlex.split(text.rstrip(".,;:"))


def found(words: list[str]) -> tuple[Any, list[str], str]:
    """The command that these words name, and what is left of them."""
    command, path = PROGRAM, "millrace"
    while (inner := getattr(command, "commands", None)) and words and not words[0].startswith("-"):
        assert words[0] in inner, f"'{path}' has no command '{words[0]}'"
        command, path, words = inner[words[0]], f"{path} {words[0]}", words[1:]
    return command, words, path


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=[f"{place} {line}" for place, line in COMMANDS])
def test_a_command_is_one_that_the_program_takes(place, line):
    command, words, path = found(written_out(line))
    given = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
    unknown = [name for name in given if name not in options(command)]
    assert not unknown, f"{place}: '{path}' has no option {unknown}"
    most = sum(parameter.nargs if parameter.nargs > 0 else 99 for parameter in command.params if is_argument(parameter))
    assert len(arguments(words, command)) <= most, f"{place}: '{path}' takes at most {most} arguments"


@pytest.mark.parametrize("block", [b for b in blocks() if b.language in {"sh", "bash", ""}], ids=str)
def test_a_command_of_a_block_runs_as_it_is_typed(block):
    """What stands in a block is typed by people: it must also have all that the command needs."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if (match := _LINE.match(line.strip())) and match["rest"] and "…" not in line:
            typed = shlex.split(re.split(r"\s+(?:[#>]|< )", match["rest"])[0])
            command, words, path = found(typed)
            if not hasattr(command, "commands"):
                command.make_context(path, words)


def is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def arguments(words: list[str], command: Any) -> list[str]:
    """The words that are neither options nor values of options."""
    valued = {
        name for p in command.params if not getattr(p, "is_flag", False) and not is_argument(p) for name in p.opts
    }
    left, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("--"):
            skip = word in valued
        else:
            left.append(word)
    return left


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, f"{path} {name}")


LEAVES = list(leaves(PROGRAM, "millrace"))


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_option_is_documented(path, command):
    text = "\n".join((PROJECT / "docs" / name).read_text(encoding="utf-8") for name in ("cli.md", "scoring.md"))
    names = {p.opts[0] for p in command.params if not is_argument(p)} - {"--help"}
    lines = [line for line in text.splitlines() if path.split()[-1] in line]
    untold = {name for name in names if f"`{name}" not in text and not any(name in line for line in lines)}
    assert not untold, f"{path}: docs/cli.md says nothing of {sorted(untold)}"
