"""Makes what the stores need before their first use: the bucket and the indexes. Safe to repeat.

Run as `python -m millrace.stores.prepare` where no supervisor does it.
"""

from __future__ import annotations

from millrace.settings import Settings, get_settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.mongo import INDEXES, MongoStore, explained


class _Preparation(MongoStore):
    @explained
    def make_indexes(self) -> None:
        for name in INDEXES:
            self.collection(name)


def prepare(settings: Settings) -> None:
    """Make the bucket and the indexes where they are not there. Raises StorageError."""
    S3ArtifactStore(settings).ensure_bucket()
    _Preparation(settings).make_indexes()


if __name__ == "__main__":
    prepare(get_settings())
