"""Turns what pydantic says of a spec into sentences for the person who wrote it: file, line, value, what is allowed.

Nothing here knows a single key of a spec; it reads them off the models.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from millrace.errors import SpecError, did_you_mean
from millrace.spec.document import Location, SpecDocument

_SHOWN = 60


def spec_error(error: ValidationError, document: SpecDocument, model: type[BaseModel]) -> SpecError:
    """All problems of a spec as one error: a line each in the message, `problems` in the details."""
    problems = [_problem(detail, document, model) for detail in error.errors(include_url=False)]
    problems.sort(key=lambda problem: problem["line"])
    lines = [f"{problem['file']}:{problem['line']}: {problem['message']}" for problem in problems]
    return SpecError("\n".join(lines), details={"problems": problems})


def _problem(detail: ErrorDetails, document: SpecDocument, model: type[BaseModel]) -> dict[str, Any]:
    location = _written(detail["loc"], document.data)
    where = ".".join(str(part) for part in location)
    sentence = _sentence(detail, location, model, document)
    return {
        "file": document.file,
        "line": document.line_of(location),
        "key": where,
        "message": f"{where}: {sentence}" if where else sentence,
    }


def _sentence(detail: ErrorDetails, location: Location, model: type[BaseModel], document: SpecDocument) -> str:
    kind, context, found = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        owner = _model_at(model, detail["loc"][:-1])
        return f"unknown key. {did_you_mean(str(location[-1]), _keys(owner) - _given(document, location))}"
    if kind in {"missing", "union_tag_not_found"}:
        return f"{'the key ' + context['discriminator'] if context else 'this key'} is required and missing."
    if kind in {"literal_error", "union_tag_invalid"}:
        return _not_allowed(found, context)
    message = detail["msg"].removeprefix("Value error, ")
    return message if kind == "value_error" else f"{_shown(found)} does not fit: {message[:1].lower()}{message[1:]}."


def _not_allowed(found: Any, context: dict[str, Any]) -> str:
    """A value outside a fixed set: of a literal, or of a union's tags."""
    if "tag" in context:
        allowed = context["expected_tags"].split(", ")
        subject, value = f"{context['discriminator']} ".replace("'", ""), context["tag"]
    else:
        allowed = context["expected"].replace(" or ", ", ").split(", ")
        subject, value = "", found
    return f"{subject}{_shown(value)} is not allowed. {did_you_mean(str(value), [a.strip(chr(39)) for a in allowed])}"


def _written(loc: tuple[int | str, ...], data: Any) -> Location:
    """The location as the person wrote it: without the tags that a union adds."""
    written: list[int | str] = []
    node = data
    for part in loc:
        if _has(node, part):
            node = node[part]
        elif part != loc[-1] or not isinstance(part, str) or not isinstance(node, dict):
            continue  # a tag, not a key
        written.append(part)
    return tuple(written)


def _has(node: Any, part: int | str) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def _given(document: SpecDocument, location: Location) -> set[str]:
    """The keys that stand beside the one at `location`: no use proposing them again."""
    node: Any = document.data
    for part in location[:-1]:
        node = node[part]
    return set(node) if isinstance(node, dict) else set()


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that stands at a pydantic error location, union tags included."""
    current: Any = model
    for part in loc:
        options = list(_models_in(current))
        tagged = [option for option in options if part in _tags(option)]
        if tagged:
            current = tagged[0]
            continue
        for option in options:
            field = next((f for n, f in option.model_fields.items() if part in {n, f.alias}), None)
            if field is not None:
                current = field.annotation
                break
    found = list(_models_in(current))
    return found[0] if found else model


def _tags(model: type[BaseModel]) -> set[str]:
    names = {model.__name__}
    for discriminator in ("type", "step", "estimator"):
        if discriminator in model.model_fields:
            names.update(map(str, get_args(model.model_fields[discriminator].annotation)))
    return names


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models within an annotation such as `list[A | B] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {list, dict, tuple, Union, UnionType} or hasattr(annotation, "__metadata__"):
        for argument in get_args(annotation):
            yield from _models_in(argument)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
