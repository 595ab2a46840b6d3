"""A fitted Pipeline as bytes, and back: skops files, which hold no code.

Bytes are read with Millrace's own list of trusted types, whatever the file says.
"""

from __future__ import annotations

import zipfile
from typing import Any

from millrace.errors import StorageError
from millrace.stores.trusted_types import TRUSTED_TYPES


def model_bytes(model: Any) -> bytes:
    """The model as a skops file. Raises StorageError for a model that could not be loaded again."""
    import skops.io

    content: bytes = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
    if unknown:
        raise StorageError(
            f"The model holds the type {unknown[0]}, which Millrace does not trust.",
            hint="Add it to millrace/stores/trusted_types.py when it is known to be harmless.",
        )
    return content


def model_from_bytes(content: bytes, name: str) -> Any:
    """The model in a skops file. Raises StorageError that names it where the file cannot be read or trusted."""
    import skops.io

    try:
        return skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # skops lets through whatever its parts raise
        reason = (str(error).strip().splitlines() or [""])[0]
        raise StorageError(
            f"The model {name} cannot be loaded: {type(error).__name__}: {reason.rstrip('.')}.",
            hint="It was made by another version, or the file is damaged; train it again.",
        ) from error
