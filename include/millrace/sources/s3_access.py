"""The words by which a source or a sink names an S3 other than the platform's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from millrace.connections import s3_client
from millrace.settings import get_settings
from millrace.strict import StrictModel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Access(StrictModel):
    """An endpoint and its keys; the platform's where absent."""

    endpoint: str | None = Field(default=None, description="S3 endpoint; default: the platform's.")
    access_key: SecretStr | None = Field(default=None, description="Access key; default: the platform's.")
    secret_key: SecretStr | None = Field(default=None, description="Secret key; default: the platform's.")
    region: str | None = Field(default=None, description="Region; default: the platform's.")

    @field_validator("uri", check_fields=False)
    @classmethod
    def _s3_address(cls, uri: str) -> str:
        if not uri.startswith("s3://") or not uri.removeprefix("s3://").split("/")[0]:
            raise ValueError(f"'{uri}' is no S3 address. Write s3://bucket/key.")
        return uri

    def client(self) -> S3Client:
        """A client for this S3."""
        settings = get_settings()
        named = {
            "s3_endpoint_url": self.endpoint,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_default_region": self.region,
        }
        return s3_client(
            settings.model_copy(update={name: value for name, value in named.items() if value is not None})
        )
