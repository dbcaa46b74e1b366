"""The client that moves data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from obstore.store import S3Store

from ostler.errors import BadRequest

from .credentials import Access
from .settings import S3Settings

__all__ = ["open_store"]

_FIRST_PAUSE = timedelta(milliseconds=50)
_LONGEST_PAUSE = timedelta(seconds=2)
_RETRIES = 5


def open_store(settings: S3Settings, access: Access) -> S3Store:
    """Return a client; nothing is sent yet.

    :raises BadRequest: the file with certificates cannot be read, or has none.
    """
    options: dict[str, Any] = {
        **_place(settings, access),
        **_identity(access),
        "client_options": _client(settings, access),
        "retry_config": _retries(settings),
        # From the environment these would come without our having been asked.
        "skip_signature": settings.anonymous,
        "unsigned_payload": False,
        "conditional_put": "etag",
        "disable_bulk_delete": not settings.bulk_delete,
    }
    if settings.checksums == "when_supported":
        options["checksum_algorithm"] = "crc64nvme"
    if settings.server_side_encryption:
        options["server_side_encryption"] = settings.server_side_encryption
    if settings.sse_kms_key_id:
        options["sse_kms_key_id"] = settings.sse_kms_key_id
    return S3Store(settings.bucket, **options)


def _place(settings: S3Settings, access: Access) -> Mapping[str, Any]:
    virtual = access.addressing(settings.addressing) == "virtual"
    place: dict[str, Any] = {"region": access.region, "virtual_hosted_style_request": virtual}
    if access.endpoint_url:
        scheme, _, host = access.endpoint_url.partition("://")
        place["endpoint"] = (
            f"{scheme}://{settings.bucket}.{host}" if virtual else access.endpoint_url
        )
    return place


def _identity(access: Access) -> Mapping[str, Any]:
    if access.provider is not None:
        return {"credential_provider": access.provider}
    if access.keys is None:
        return {}
    keys = {
        "access_key_id": access.keys.access_key_id,
        "secret_access_key": access.keys.secret_access_key,
        "token": access.keys.session_token or None,
        "expires_at": None,
    }
    # Given as options, keys without a token would be sent with the one of the environment.
    return {"credential_provider": lambda: keys}


def _client(settings: S3Settings, access: Access) -> Mapping[str, Any]:
    options: dict[str, Any] = {
        "allow_http": access.endpoint_url.startswith("http://"),
        "connect_timeout": timedelta(seconds=settings.connect_timeout),
        "read_timeout": timedelta(seconds=settings.read_timeout),
        "timeout": timedelta(seconds=settings.request_timeout),
        "user_agent": "ostler-s3",
    }
    if proxy := settings.proxy.get_secret_value():
        options["proxy_url"] = proxy
    if settings.ca:
        options["root_certificate"] = _certificates(settings.ca)
    return options


def _certificates(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise BadRequest(
            f"the certificates of {path!r} cannot be read: {error.strerror}"
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise BadRequest(f"the certificates of {path!r} are none: they must be in PEM")
    return data


def _retries(settings: S3Settings) -> Any:
    """Each request of an upload or of a body is made again by itself: nobody else could do it."""
    return {
        "max_retries": _RETRIES if settings.retry_timeout else 0,
        "retry_timeout": timedelta(seconds=settings.retry_timeout),
        "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
    }
