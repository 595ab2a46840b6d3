"""Names the code that runs: the release and a hash of the library's own source.

A cached output must not outlive the code that made it, and a model's lineage must name that code also where there is
no version control.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from millrace import __version__


@lru_cache(maxsize=1)
def code_version() -> str:
    """`<release>+<12 hexadecimal digits>`; any change of a source file of this package changes the digits."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
