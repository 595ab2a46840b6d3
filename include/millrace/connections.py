"""Opens the connections that several rooms share: MongoDB and S3, each once a process.

Nothing here knows what is stored; timeouts are bounded, so that an absent server is an error within seconds.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from millrace.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pymongo import MongoClient

CONNECT_SECONDS = 5
CALL_SECONDS = 60


def mongo_client(settings: Settings) -> MongoClient[dict[str, Any]]:
    """A client of the platform's MongoDB: UTC-aware times, majority and journaled writes, retried once."""
    return _mongo_client(settings.mongodb, os.getpid())


@lru_cache(maxsize=8)
def _mongo_client(uri: str, _pid: int) -> MongoClient[dict[str, Any]]:
    # The process id is part of the key: a client must not be shared over a fork.
    from pymongo import MongoClient

    return MongoClient(
        uri,
        tz_aware=True,
        w="majority",
        journal=True,
        appname="millrace",
        serverSelectionTimeoutMS=CONNECT_SECONDS * 1000,
        connectTimeoutMS=CONNECT_SECONDS * 1000,
        socketTimeoutMS=CALL_SECONDS * 1000,
    )


def s3_client(settings: Settings) -> S3Client:
    """A client of the platform's S3."""
    return _s3_client(
        settings.s3_endpoint,
        settings.aws_access_key_id.get_secret_value(),
        settings.aws_secret_access_key.get_secret_value(),
        settings.aws_default_region,
        os.getpid(),
    )


@lru_cache(maxsize=8)
def _s3_client(endpoint: str, key: str, secret: str, region: str, _pid: int) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=region,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=CALL_SECONDS,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
    )
