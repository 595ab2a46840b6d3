"""Becomes a program of the stack: `python launch.py <file>`, a JSON file with `argv`, `environment` and `directory`.

supervisord's own configuration knows no safe way to quote every path and value; JSON does. This file imports nothing
beyond the standard library, because it runs before each program.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Replace this process by the program."""
    program = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.chdir(program["directory"])
    os.execve(program["argv"][0], program["argv"], {**os.environ, **program["environment"]})  # noqa: S606 - our own file


if __name__ == "__main__":
    main()
