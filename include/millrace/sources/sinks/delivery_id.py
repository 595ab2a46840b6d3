"""The name of a delivery: the same for every attempt to write the same part of the same table."""

from __future__ import annotations

from millrace.sources.base import Delivery


def delivery_id(delivery: Delivery) -> str:
    """The pipeline with its data interval; without an interval, with the content: the same rows are added once."""
    if delivery.interval is None:
        return f"{delivery.pipeline}/{delivery.dataset_version}"
    return f"{delivery.pipeline}/{delivery.interval.start.isoformat()}/{delivery.interval.end.isoformat()}"
