"""What obstore has no call for, by way of s3fs: buckets, unfinished uploads, odd keys.

s3fs is used for its calls alone, never for its files, caches and listings. It
is imported when it is first needed: most processes never do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ostler.errors import Error
from ostler.spi.storage import ObjectInfo

from .credentials import Access
from .failures import Failures
from .settings import S3Settings

__all__ = ["Administration"]

_log = logging.getLogger("ostler.s3")


class Administration:
    """Calls of one bucket."""

    def __init__(self, settings: S3Settings, access: Access, failures: Failures) -> None:
        self._settings, self._access, self._failures = settings, access, failures
        self._lock = threading.Lock()
        self._client: Any = None
        self.closed = False

    def call(self, method: str, key: str = "", **arguments: Any) -> Mapping[str, Any]:
        """Call a method of the S3 client on the bucket.

        :raises Error: typed, about ``key``.
        """
        if self.closed:
            raise self._failures.closed()
        if key:
            arguments["Key"] = self._settings.prefix + key
        try:
            client = self._open()
            answer: Mapping[str, Any] = client.call_s3(
                method, Bucket=self._settings.bucket, **arguments
            )
        except Exception as error:
            raise self._failures.typed(error, key, writing=True) from error
        return answer

    def abandon(self, key: str, upload: str) -> None:
        """End an upload that failed. That it cannot be ended is logged: a later sweep does it."""
        try:
            self.call("abort_multipart_upload", key, UploadId=upload)
        except Error as error:
            _log.warning("an unfinished upload of %r stays until it is swept: %s", key, error)

    def make_bucket(self) -> None:
        """Make the bucket; that somebody else has just made it is no error."""
        options: dict[str, Any] = {}
        if self._access.region != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": self._access.region}
        try:
            self.call("create_bucket", **options)
        except Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def abort_stale(self, age: float) -> int:
        """End uploads below the prefix that began more than ``age`` seconds ago; return how many.

        Ages go by the server's clock, which its answers tell.
        """
        oldest = timedelta(seconds=age)
        stale = [upload for upload, now in self._uploads() if upload["Initiated"] < now - oldest]
        return sum(self._abort(upload) for upload in stale)

    def _abort(self, upload: Mapping[str, Any]) -> bool:
        """End an upload; return whether it was there: another process may sweep at the same time."""
        try:
            self.call("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
        except Error as error:
            if error.code != "no_upload":
                raise
            return False
        return True

    def uploads(self) -> Iterator[Mapping[str, Any]]:
        """Yield the unfinished uploads below the prefix, as S3 tells them."""
        return (upload for upload, _now in self._uploads())

    def _uploads(self) -> Iterator[tuple[Mapping[str, Any], datetime]]:
        marks: dict[str, Any] = {}
        while True:
            page = self.call("list_multipart_uploads", Prefix=self._settings.prefix, **marks)
            now = _date(page)
            for upload in page.get("Uploads") or ():
                if upload["Key"].startswith(self._settings.prefix):
                    yield upload, now
            if not page.get("IsTruncated"):
                return
            marks = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def pages(self, prefix: str, start_after: str) -> Iterator[list[ObjectInfo]]:
        """Yield the objects of a listing by pages; keys are those in the bucket, whatever they hold."""
        marks: dict[str, Any] = {"StartAfter": start_after} if start_after else {}
        while True:
            page = self.call("list_objects_v2", Prefix=prefix, **marks)
            yield [_info(item) for item in page.get("Contents") or ()]
            if not page.get("IsTruncated"):
                return
            marks = {"ContinuationToken": page["NextContinuationToken"]}

    def close(self) -> None:
        """Forget the client; its connections go with it. No call begins any more."""
        self.closed, self._client = True, None

    def _open(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        from s3fs import S3FileSystem

        settings, keys = self._settings, self._access.keys
        client = S3FileSystem(
            anon=settings.anonymous,
            key=keys.access_key_id if keys else None,
            secret=keys.secret_access_key if keys else None,
            token=(keys.session_token or None) if keys else None,
            **({"profile": settings.profile} if settings.profile else {}),
            endpoint_url=self._access.endpoint_url or None,
            client_kwargs=self._client_options(),
            config_kwargs=self._config(),
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        if not settings.retry_timeout:
            client.retries = 1  # attempts, of s3fs's own making
        return client

    def _client_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"region_name": self._access.region}
        return options | ({"verify": self._settings.ca} if self._settings.ca else {})

    def _config(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "s3": {"addressing_style": self._access.addressing(settings.addressing)},
            "connect_timeout": settings.connect_timeout,
            "read_timeout": settings.read_timeout,
            "request_checksum_calculation": settings.checksums,
            "response_checksum_validation": settings.checksums,
            **({} if settings.retry_timeout else {"retries": {"total_max_attempts": 1}}),
            **_proxies(settings.proxy.get_secret_value()),
        }


def _proxies(url: str) -> dict[str, Any]:
    return {"proxies": {"http": url, "https": url}} if url else {}


def _date(answer: Mapping[str, Any]) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def _info(item: Mapping[str, Any]) -> ObjectInfo:
    modified = float(int(item["LastModified"].timestamp()))
    return ObjectInfo(item["Key"], item["Size"], modified, item["ETag"].strip('"'))
