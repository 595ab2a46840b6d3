"""What a model takes: its input fields in order, read from the files that MLflow writes beside a model.

Only the files are read; MLflow itself is not needed to serve.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import StorageError
from millrace.inputs.kinds import KINDS, Kind


@dataclass(frozen=True)
class InputField:
    """One input of a model. An optional field may be null or left out."""

    name: str
    type: str
    required: bool

    @property
    def kind(self) -> Kind:
        """The kind of the field's values."""
        return KINDS[self.type]

    def as_document(self, example: Any) -> dict[str, Any]:
        """The field as small JSON."""
        return {"name": self.name, "type": self.type, "required": self.required, "example": example}


@dataclass(frozen=True)
class Signature:
    """The inputs of a model and one row as an example."""

    fields: tuple[InputField, ...]
    example: dict[str, Any]

    def as_document(self) -> list[dict[str, Any]]:
        """The fields as small JSON, in order."""
        return [field.as_document(self.example[field.name]) for field in self.fields]

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of one row."""
        return {
            "type": "object",
            "properties": {field.name: _property(field, self.example[field.name]) for field in self.fields},
            "required": [field.name for field in self.fields if field.required],
            "additionalProperties": False,
        }


def _property(field: InputField, example: Any) -> dict[str, Any]:
    schema = field.kind.json_schema
    if field.required:
        return {**schema, "examples": [example]}
    return {**schema, "type": [schema["type"], "null"], "examples": [example]}


def read_signature(folder: Path, mlmodel: dict[str, Any]) -> Signature:
    """The signature that stands in a model's files. Raises StorageError where the model cannot be served by name."""
    written = (mlmodel.get("signature") or {}).get("inputs")
    columns = json.loads(written) if written else []
    if not columns or not all("name" in column for column in columns):
        raise StorageError(
            "The model's files name no input columns, so no request can be checked.",
            hint="Train it with a pipeline, or log it with a signature of named columns.",
        )
    for column in columns:
        if column["type"] not in KINDS:
            raise StorageError(
                f"The model's input '{column['name']}' is of the type {column['type']}, which cannot be sent as JSON.",
                hint=f"Allowed: {', '.join(KINDS)}.",
            )
    fields = tuple(InputField(c["name"], c["type"], c.get("required", True)) for c in columns)
    row = _example_row(folder, mlmodel)
    return Signature(fields, {field.name: _example(field, row.get(field.name)) for field in fields})


def _example(field: InputField, value: Any) -> Any:
    """The example's value where it fits its field; else the kind's own example, or null."""
    try:
        if value is not None:
            field.kind.read(value)
            return field.kind.tidy(value)
    except ValueError:
        pass
    return field.kind.example if field.required else None


def _example_row(folder: Path, mlmodel: dict[str, Any]) -> dict[str, Any]:
    """The most complete of the first rows of the input example, by name; nothing where there is none."""
    return max(
        example_rows(folder, mlmodel), key=lambda row: sum(value is not None for value in row.values()), default={}
    )


def example_rows(folder: Path, mlmodel: dict[str, Any]) -> list[dict[str, Any]]:
    """The first rows of the input example, by name."""
    info = mlmodel.get("saved_input_example_info") or {}
    path = folder / str(info.get("artifact_path", ""))
    if info.get("pandas_orient") != "split" or not path.is_file():
        return []
    table = json.loads(path.read_text("utf-8"))
    return [dict(zip(table["columns"], row, strict=False)) for row in table["data"][:20]]
