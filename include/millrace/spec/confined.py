"""Holds a spec that was made through the API to its reach: variables, sources, sinks and steps.

Checked when a spec is made, and each time it is read. A kind of source or sink without a rule is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from millrace.errors import SpecError
from millrace.sources.base import Sink, Source
from millrace.spec.document import Location, SpecDocument, texts
from millrace.spec.models import AnySource, PipelineSpec
from millrace.spec.reach import Fault, Reach
from millrace.spec.reach_rules import CREDENTIAL, rule_of
from millrace.transforms.join import Join
from millrace.transforms.python_function import PythonFunction

HINT = "docs/security.md tells what a pipeline made through the API may reach, and how an admin opens more."


def open_environment(document: SpecDocument, reach: Reach) -> Mapping[str, str]:
    """The variables that the document may use. Raises SpecError where it names another one."""
    allowed = ", ".join(sorted(reach.variables)) or "none"
    _refuse(
        [
            Fault(place, f"the variable {name} is not open. Allowed: {allowed} (MILLRACE_SPEC_VARIABLES).")
            for place, name in document.variables()
            if name not in reach.variables
        ],
        document,
    )
    return {name: os.environ[name] for name in reach.variables if name in os.environ}


def check_reach(spec: PipelineSpec, document: SpecDocument, reach: Reach) -> None:
    """Raise SpecError that names each part of the spec that reaches too far."""
    _refuse(list(_faults(spec, (), reach)), document)


def _faults(node: Any, place: Location, reach: Reach) -> Iterator[Fault]:
    """Walk the whole spec: a source may stand in any section, also in one that is added later."""
    if isinstance(node, BaseModel):
        yield from _own_faults(node, place, reach)
        for name, field in type(node).model_fields.items():
            yield from _faults(getattr(node, name), (*place, field.alias or name), reach)
    elif isinstance(node, list | tuple):
        for index, item in enumerate(node):
            yield from _faults(item, (*place, index), reach)
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from _faults(item, (*place, key), reach)


def _own_faults(node: BaseModel, place: Location, reach: Reach) -> Iterator[Fault]:
    if isinstance(node, PythonFunction):
        yield Fault((*place, "function"), "a pipeline made through the API calls no functions of one's own.")
    elif isinstance(node, Join):
        yield from _joined(node, (*place, "with"), reach)
    elif isinstance(node, Source | Sink):
        yield from _bare_credentials(node, place)
        yield from (Fault((*place, *key), sentence) for key, sentence in rule_of(node)(node, reach))


def _joined(step: Join, place: Location, reach: Reach) -> Iterator[Fault]:
    try:
        source = TypeAdapter(AnySource).validate_python(step.with_)
    except ValidationError as error:
        yield Fault(place, f"this is no source: {error.errors()[0]['msg']}.")
        return
    yield from _faults(source, place, reach)


def _bare_credentials(part: Source | Sink, place: Location) -> Iterator[Fault]:
    """A credential stands only in a field that signs in: in a query it would become data, which everybody reads."""
    for inner, text in texts(part.model_dump(by_alias=True)):  # the fields that sign in are no plain texts
        if CREDENTIAL.search(text):
            yield Fault((*place, *inner), "a credential may stand only where a server is signed in to.")


def _refuse(faults: list[Fault], document: SpecDocument) -> None:
    if not faults:
        return
    problems = [_problem(fault, document) for fault in dict.fromkeys(faults)]
    lines = [f"{problem['file']}:{problem['line']}: {problem['message']}" for problem in problems]
    raise SpecError("\n".join(lines), hint=HINT, details={"problems": problems})


def _problem(fault: Fault, document: SpecDocument) -> dict[str, Any]:
    where = ".".join(map(str, fault.key))
    line = document.line_of(fault.key)
    return {"file": document.file, "line": line, "key": where, "message": f"{where}: {fault.sentence}"}
