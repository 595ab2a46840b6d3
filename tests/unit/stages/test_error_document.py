"""Any error as one sentence for the run record."""

from __future__ import annotations

import errno
import tempfile

from millrace.errors import DataError
from millrace.stages.base import error_document


def test_an_error_of_the_platform_keeps_code_hint_and_details() -> None:
    document = error_document(DataError("Found 3.", hint="Use 4.", details={"rows": 3}))
    assert document == {"code": "bad_data", "message": "Found 3. Use 4.", "details": {"rows": 3}}


def test_a_full_disk_says_where() -> None:
    assert "(/data/x)" in error_document(OSError(errno.ENOSPC, "No space left on device", "/data/x"))["message"]
    unnamed = error_document(OSError(errno.ENOSPC, "No space left on device"))
    assert unnamed["code"] == "disk_full"
    assert tempfile.gettempdir() in unnamed["message"]


def test_want_of_memory() -> None:
    assert error_document(MemoryError())["code"] == "out_of_memory"


def test_an_unexpected_error_is_one_line_with_its_kind() -> None:
    document = error_document(KeyError("a\nb"))
    assert document["code"] == "internal_error"
    assert document["message"].startswith("KeyError: ")
    assert "\n" not in document["message"]


def test_what_ends_a_stage_from_outside_is_no_fault_of_the_program() -> None:
    document = error_document(KeyboardInterrupt())
    assert document["code"] == "interrupted"
    assert document["message"].startswith("The stage was ended from outside")
