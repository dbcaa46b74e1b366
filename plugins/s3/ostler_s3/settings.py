from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ostler.spi import Settings

__all__ = ["GIB", "MIB", "S3Settings"]

MIB = 1 << 20
GIB = 1 << 30

_LEAST_PART = 5 * MIB  # of S3, for all parts but the last
_MOST_PARTS = 10_000
_LARGEST = 5 << 40


def _prefix(text: str) -> str:
    parts = text.strip("/")
    if any(part in ("", ".", "..") for part in parts.split("/")) and parts:
        raise ValueError(f"{text!r}: the parts between its '/' must not be empty, '.' or '..'")
    return f"{parts}/" if parts else ""


def _endpoint(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/")


class S3Settings(Settings):
    """Settings of a storage in a bucket.

    :param bucket: its name.
    :param prefix: of all keys in the bucket, with one ``/`` at its end; give each storage its own.
    :param endpoint_url: of a compatible server; empty: ``$AWS_ENDPOINT_URL_S3``,
        ``$AWS_ENDPOINT_URL``, what the profile says, else AWS.
    :param region: empty: ``$AWS_REGION``, ``$AWS_DEFAULT_REGION``, what the profile says,
        else ``us-east-1``.
    :param addressing: ``path`` puts the bucket into the path, ``virtual`` into the host name;
        ``auto`` is ``virtual`` for AWS and ``path`` for other servers.
    :param access_key_id: with ``secret_access_key``, and ``session_token`` if it is temporary;
        without, the usual chain is asked: the environment, the shared files, web identity,
        the container, the instance.
    :param profile: of the shared files; goes before the environment.
    :param anonymous: do not sign.
    :param checksums: ``when_supported``: uploads carry a CRC-64/NVME, which the server verifies and
        keeps; ``when_required``: only the SHA-256 that belongs to the signature, for servers that
        know no better.
    :param part_size: bytes of a part of what is transferred in parts, both ways, as long as
        10,000 of them are enough.
    :param concurrency: parts of one upload, or of all downloads, on their way at once.
    :param max_part_size: bytes that no part may exceed, and so the largest object is 10,000 times that.
    :param max_unknown_size: bytes of the largest object whose size is not known beforehand.
    :param connect_timeout: seconds to reach the server.
    :param read_timeout: seconds of silence after which an answer is given up.
    :param request_timeout: seconds that one request may take in all, a part's bytes included.
    :param retry_timeout: seconds in which a request that failed for a passing reason is made again.
    :param ca: file with certificates to trust besides the system's.
    :param proxy: URL of an HTTP proxy, not printed since it may have a password; empty:
        ``$HTTPS_PROXY`` and the like.
    :param create_bucket: make the bucket when it is absent.
    :param bulk_delete: many keys in one request; false for servers that cannot.
    :param exclusive_put: whether the server honours ``If-None-Match``; ``auto``: it is tried out.
    :param ordered_list: whether the server lists in key order; ``auto``: it is tried out.
    :param server_side_encryption: ``AES256``, ``aws:kms`` or ``aws:kms:dsse``; empty: the bucket's.
    :param sse_kms_key_id: with ``aws:kms``.
    :param stale_upload_age: seconds after which an unfinished upload below the prefix is removed,
        when the storage is first written to; 0: never.
    """

    bucket: str = Field(min_length=3, max_length=255)
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(default="", max_length=512)
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] = ""
    region: str = ""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    access_key_id: str = ""
    secret_access_key: SecretStr = SecretStr("")
    session_token: SecretStr = SecretStr("")
    profile: str = ""
    anonymous: bool = False
    checksums: Literal["when_supported", "when_required"] = "when_supported"
    part_size: int = Field(default=8 * MIB, ge=_LEAST_PART, le=GIB)
    concurrency: int = Field(default=8, ge=1, le=128)
    max_part_size: int = Field(default=GIB, ge=_LEAST_PART, le=5 * GIB)
    max_unknown_size: int = Field(default=GIB, ge=1, le=_LARGEST)
    connect_timeout: float = Field(default=5.0, gt=0, le=600)
    read_timeout: float = Field(default=30.0, gt=0, le=3600)
    request_timeout: float = Field(default=300.0, gt=0, le=86_400)
    retry_timeout: float = Field(default=30.0, ge=0, le=300)
    ca: str = ""
    proxy: SecretStr = SecretStr("")
    create_bucket: bool = False
    bulk_delete: bool = True
    exclusive_put: Literal["auto"] | bool = "auto"
    ordered_list: Literal["auto"] | bool = "auto"
    server_side_encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = ""
    sse_kms_key_id: str = ""
    stale_upload_age: float = Field(default=86_400.0, ge=0)

    @classmethod
    def from_url(cls, url: SplitResult) -> Mapping[str, Any]:
        """Take ``s3://[key:secret@]bucket[/prefix][?setting=value…]``."""
        fields: dict[str, Any] = dict(parse_qsl(url.query, keep_blank_values=True))
        login, at, bucket = url.netloc.rpartition("@")
        if at:
            key, _, secret = login.partition(":")
            fields |= {"access_key_id": unquote(key), "secret_access_key": unquote(secret)}
        if bucket:
            fields["bucket"] = unquote(bucket)
        if path := unquote(url.path).strip("/"):
            fields["prefix"] = path
        return fields

    @property
    def max_object_size(self) -> int:
        """Bytes of the largest object: as many parts as S3 allows, of the largest size."""
        return min(_LARGEST, _MOST_PARTS * self.max_part_size)

    def part_size_for(self, size: int) -> int:
        """Return the bytes of a part of an object of ``size`` bytes: the same for all."""
        if size <= self.part_size * _MOST_PARTS:
            return self.part_size
        least = -(-size // _MOST_PARTS)
        return min(self.max_part_size, -(-least // MIB) * MIB)

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if bool(self.access_key_id) != bool(self.secret_access_key.get_secret_value()):
            raise ValueError(
                "access_key_id and secret_access_key belong together: give both or none"
            )
        if self.session_token.get_secret_value() and not self.access_key_id:
            raise ValueError("session_token belongs to access_key_id: give both or none")
        if self.anonymous and (self.access_key_id or self.profile):
            raise ValueError("anonymous excludes access_key_id and profile")
        if self.access_key_id and self.profile:
            raise ValueError("profile excludes access_key_id: give one of them")
        if self.part_size > self.max_part_size:
            raise ValueError("part_size is more than max_part_size")
        if self.max_unknown_size > self.max_object_size:
            raise ValueError(
                f"max_unknown_size is more than {_MOST_PARTS} parts of max_part_size can hold"
            )
        if self.sse_kms_key_id and not self.server_side_encryption.startswith("aws:kms"):
            raise ValueError("sse_kms_key_id needs server_side_encryption = 'aws:kms'")
        return self
