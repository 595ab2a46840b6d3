"""The artifact store against the embedded S3 server."""

from __future__ import annotations

import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import DataError, NotFoundError, StorageError
from millrace.settings import Settings
from millrace.stores.artifacts import MANIFEST, S3ArtifactStore
from millrace.stores.datasets import split_uri

pytestmark = pytest.mark.integration


def table(rows: int) -> pd.DataFrame:
    when = pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC")
    return pd.DataFrame({"when": when, "x": range(rows), "name": [f"n{i % 7}" if i % 3 else None for i in range(rows)]})


def test_round_trip_keeps_values_and_types(artifact_store: S3ArtifactStore) -> None:
    frame = table(1000)
    ref = artifact_store.write_dataset("demo", [frame])
    pd.testing.assert_frame_equal(artifact_store.open_dataset(ref.uri).frame(), frame)
    assert ref.rows == 1000
    assert ref.columns == {"when": "timestamp[ns, tz=UTC]", "x": "int64", "name": "string"}


def test_same_content_is_one_version_however_it_is_chunked(artifact_store: S3ArtifactStore) -> None:
    frame = table(70_000)
    whole = artifact_store.write_dataset("demo", [frame])
    parts = artifact_store.write_dataset("demo", [frame[:10], frame[10:66_000], frame[66_000:]])
    assert parts == whole


def test_other_content_is_another_version(artifact_store: S3ArtifactStore) -> None:
    frame = table(10)
    changed = frame.assign(x=frame["x"].where(frame["x"] != 3, 4))
    versions = {
        artifact_store.write_dataset("demo", [f]).version for f in (frame, changed, frame.rename(columns={"x": "y"}))
    }
    assert len(versions) == 3


def test_version_is_not_written_twice(artifact_store: S3ArtifactStore) -> None:
    ref = artifact_store.write_dataset("demo", [table(5)])
    before = artifact_store.get_bytes(ref.uri + MANIFEST)
    artifact_store.write_dataset("demo", [table(5)])
    assert artifact_store.get_bytes(ref.uri + MANIFEST) == before


def test_types_widen_over_chunks(artifact_store: S3ArtifactStore) -> None:
    chunks = [
        pd.DataFrame({"x": [1, 2]}),
        pd.DataFrame({"x": [None, 2.5]}),
        pd.DataFrame({"x": [None, None]}, dtype=object),
    ]
    ref = artifact_store.write_dataset("demo", chunks)
    assert ref.columns == {"x": "double"}
    assert artifact_store.open_dataset(ref.uri).frame()["x"].dropna().tolist() == [1.0, 2.0, 2.5]


def test_frames_stream_in_order(artifact_store: S3ArtifactStore) -> None:
    ref = artifact_store.write_dataset("demo", [table(1000)])
    frames = list(artifact_store.open_dataset(ref.uri).frames(300, columns=["x"]))
    assert [len(frame) for frame in frames] == [300, 300, 300, 100]
    assert pd.concat(frames)["x"].tolist() == list(range(1000))


def test_dataset_without_manifest_does_not_exist(artifact_store: S3ArtifactStore, settings: Settings) -> None:
    from millrace.connections import s3_client

    ref = artifact_store.write_dataset("demo", [table(5)])
    bucket, prefix = split_uri(ref.uri)
    s3_client(settings).delete_object(Bucket=bucket, Key=prefix + MANIFEST)
    assert not artifact_store.has_dataset(ref.uri)
    with pytest.raises(NotFoundError):
        artifact_store.open_dataset(ref.uri)


def test_mixed_column_is_named(artifact_store: S3ArtifactStore) -> None:
    with pytest.raises(DataError, match="'x' mixes values of several kinds"):
        artifact_store.write_dataset("demo", [pd.DataFrame({"x": [1, "a"]})])


def test_nested_values_are_kept_as_json(artifact_store: S3ArtifactStore) -> None:
    ref = artifact_store.write_dataset("demo", [pd.DataFrame({"x": [[1], {"b": 2, "a": None}]})])
    assert artifact_store.open_dataset(ref.uri).frame()["x"].tolist() == ["[1]", '{"a": null, "b": 2}']


def test_parts_have_the_dtypes_of_the_whole(artifact_store: S3ArtifactStore) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, 2, None, 4], dtype="Int64"),
            "wide": pd.array([1, 2, 3, None], dtype="Int64") + 2**60,
            "truth": [True, None, False, True],
            "text": [None, None, "a", "b"],
            "full": [1, 2, 3, 4],
        }
    )
    dataset = artifact_store.open_dataset(artifact_store.write_dataset("demo", [frame]).uri)
    parts = list(dataset.frames(1))
    assert [part.dtypes.tolist() for part in parts] == [dataset.frame().dtypes.tolist()] * 4
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), dataset.frame())


def test_long_integers_keep_their_digits_beside_nulls(artifact_store: S3ArtifactStore) -> None:
    frame = pd.DataFrame(
        {"id": pd.array([2**62 + 1, None, -5], dtype="Int64"), "n": pd.array([1, None, 3], dtype="Int64")}
    )
    read = artifact_store.open_dataset(artifact_store.write_dataset("demo", [frame]).uri).frame()
    assert read["id"].tolist()[0] == 2**62 + 1
    assert read["n"].dtype == "float64"


def test_changing_columns_are_named(artifact_store: S3ArtifactStore) -> None:
    with pytest.raises(DataError, match="change after row 1: y"):
        artifact_store.write_dataset("demo", [pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [1], "y": [2]})])


def test_missing_bucket_is_named(settings: Settings) -> None:
    store = S3ArtifactStore(settings.model_copy(update={"s3_bucket": "not-there"}))
    with pytest.raises(StorageError, match="no bucket 'not-there'"):
        store.write_dataset("demo", [table(5)])


@examples(40)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**40), 2**40)), min_size=1),
    cut=st.integers(0, 50),
)
def test_hash_does_not_depend_on_the_cut(values: list[float | None], cut: int) -> None:
    from millrace.stores.content_hash import GROUP_ROWS, ContentHash
    from millrace.tables.arrow_types import arrow_table
    from millrace.tables.spool import Spool

    def version(frames: list[pd.DataFrame]) -> str:
        with Spool() as spool:
            for frame in frames:
                spool.add(arrow_table(frame))
            content = ContentHash(spool.schema())
            for group in spool.groups(GROUP_ROWS):
                content.update(group)
            return content.hexdigest()

    frame = pd.DataFrame({"x": pd.Series(values, dtype="float64")})
    assert version([frame]) == version([frame[:cut], frame[cut:]])


def test_only_the_newest_folders_are_kept(artifact_store: S3ArtifactStore) -> None:
    for name in ("a", "b", "c"):
        for number in range(3):
            artifact_store.put_bytes(f"pages/{name}/{number}.html", b"a page")
    artifact_store.put_bytes("pages-too/a/0.html", b"not under the prefix")
    assert artifact_store.keep_newest("pages/", 3) == []
    assert artifact_store.keep_newest("pages/", 2) == ["a"]
    assert artifact_store.keep_newest("pages/", 2) == []
    there = [name for name in "abc" for n in range(3) if artifact_store.exists(_uri(artifact_store, name, n))]
    assert there == ["b", "b", "b", "c", "c", "c"]
    assert artifact_store.exists(f"s3://{artifact_store.bucket}/pages-too/a/0.html")


def test_thousands_of_files_are_removed(artifact_store: S3ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.stores.artifacts.MOST_REMOVED", 7)
    for number in range(30):
        artifact_store.put_bytes(f"pages/old/{number}.html", b"a page")
    artifact_store.put_bytes("pages/zzz/0.html", b"a page")
    assert artifact_store.keep_newest("pages/", 1) == ["old"]
    assert artifact_store.keep_newest("pages/", 0) == ["zzz"]


def _uri(store: S3ArtifactStore, folder: str, number: int) -> str:
    return f"s3://{store.bucket}/pages/{folder}/{number}.html"
