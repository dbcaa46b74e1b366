"""Clients of S3 as who knows them would write them: ours and its peers, all signing, all with the same parts.

Each has small objects (``put``, ``get``), streams (``upload``, ``download``, which returns the bytes
it saw) and ``count``, which lists everything with sizes and times.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

from s3_stub_objects import PATTERN

__all__ = ["CLIENTS", "KEYS", "MIB", "Client", "Source"]

MIB = 1 << 20
PART = 8 * MIB
PARTS = 8  # at once
PIECE = MIB
KEYS = ("bench-key", "bench-secret")
REGION = "us-east-1"

_TWICE = memoryview(PATTERN * 2)  # any piece of the repeated pattern is one of this


class Source(io.RawIOBase):
    """The pattern, repeated, as new bytes, a MiB at a time at most; it cannot be rewound."""

    def __init__(self, size: int) -> None:
        self.size, self.left = size, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        wanted = min(PIECE, self.left, size if size >= 0 else PIECE)
        at = (self.size - self.left) % len(PATTERN)
        self.left -= wanted
        return bytes(_TWICE[at : at + wanted])


class Client(ABC):
    """One side."""

    def __init__(self, endpoint: str, bucket: str, keys: tuple[str, str] = KEYS) -> None:
        self.endpoint, self.bucket, self.keys = endpoint, bucket, keys
        self.open()

    @abstractmethod
    def open(self) -> None: ...

    @abstractmethod
    def put(self, key: str, data: bytes) -> None: ...

    @abstractmethod
    def get(self, key: str) -> bytes: ...

    @abstractmethod
    def upload(self, key: str, size: int, *, known: bool) -> None: ...

    @abstractmethod
    def download(self, key: str) -> int: ...

    @abstractmethod
    def count(self, prefix: str) -> int: ...


class Ours(Client):
    def open(self) -> None:
        from ostler.clock import SystemClock
        from ostler.ost import ObjectStorage
        from ostler_s3.driver import open_driver
        from ostler_s3.settings import S3Settings

        settings = S3Settings.model_validate(
            {
                "bucket": self.bucket,
                "endpoint_url": self.endpoint,
                "access_key_id": self.keys[0],
                "secret_access_key": self.keys[1],
                "region": REGION,
            }
        )
        self.storage = ObjectStorage(open_driver(settings), clock=SystemClock())

    def put(self, key: str, data: bytes) -> None:
        self.storage.put(key, data)

    def get(self, key: str) -> bytes:
        return self.storage.read(key)

    def upload(self, key: str, size: int, *, known: bool) -> None:
        self.storage.put(key, Source(size), size=size if known else None)

    def download(self, key: str) -> int:
        with self.storage.get(key) as body:
            return _counted(iter(lambda: body.read(PIECE), b""))

    def count(self, prefix: str) -> int:
        return sum(1 for _info in self.storage.list(prefix))


class FsspecS3(Ours):
    """The second way of ours: the storage `fsspec+s3`, that is s3fs under the same contract."""

    def open(self) -> None:
        from ostler.clock import SystemClock
        from ostler.ost import ObjectStorage
        from ostler_fsspec.driver import open_driver
        from ostler_fsspec.settings import FsspecSettings

        options = {
            "endpoint_url": self.endpoint,
            "key": self.keys[0],
            "secret": self.keys[1],
            "client_kwargs": {"region_name": REGION},
        }
        settings = FsspecSettings(protocol="s3", path=self.bucket, options=options)
        self.storage = ObjectStorage(open_driver(settings), clock=SystemClock())


class Obstore(Client):
    def open(self) -> None:
        from obstore.store import S3Store

        self.store: Any = S3Store(
            self.bucket,
            endpoint=self.endpoint,
            region=REGION,
            access_key_id=self.keys[0],
            secret_access_key=self.keys[1],
            client_options={"allow_http": True, "timeout": timedelta(minutes=5)},
        )

    def put(self, key: str, data: bytes) -> None:
        self.store.put(key, data, use_multipart=False)

    def get(self, key: str) -> bytes:
        return self.store.get(key).bytes().to_bytes()  # type: ignore[no-any-return]

    def upload(self, key: str, size: int, *, known: bool) -> None:
        source = Source(size)
        pieces = iter(lambda: source.read(PIECE), b"")
        self.store.put(key, pieces, use_multipart=True, chunk_size=PART, max_concurrency=PARTS)

    def download(self, key: str) -> int:
        return _counted(iter(self.store.get(key).stream(min_chunk_size=PIECE)))

    def count(self, prefix: str) -> int:
        return sum(1 for batch in self.store.list(prefix, chunk_size=1000) for _meta in batch)


class S3fs(Client):
    def open(self) -> None:
        from s3fs import S3FileSystem

        self.files: Any = S3FileSystem(
            key=self.keys[0],
            secret=self.keys[1],
            endpoint_url=self.endpoint,
            client_kwargs={"region_name": REGION},
            config_kwargs={"s3": {"addressing_style": "path"}, "max_pool_connections": 64},
            use_listings_cache=False,
            default_cache_type="none",
            skip_instance_cache=True,
        )

    def put(self, key: str, data: bytes) -> None:
        self.files.pipe_file(f"{self.bucket}/{key}", data)

    def get(self, key: str) -> bytes:
        return self.files.cat_file(f"{self.bucket}/{key}")  # type: ignore[no-any-return]

    def upload(self, key: str, size: int, *, known: bool) -> None:
        source = Source(size)
        with self.files.open(f"{self.bucket}/{key}", "wb") as file:
            while piece := source.read(PIECE):
                file.write(piece)

    def download(self, key: str) -> int:
        name = f"{self.bucket}/{key}"
        with self.files.open(name, "rb", cache_type="readahead", block_size=PART) as file:
            return _counted(iter(lambda: file.read(PIECE), b""))

    def count(self, prefix: str) -> int:
        return len(self.files.find(f"{self.bucket}/{prefix}", detail=True))


class Boto3(Client):
    def open(self) -> None:
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config

        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=64),
        )
        self.transfer = TransferConfig(multipart_chunksize=PART, max_concurrency=PARTS)

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]

    def upload(self, key: str, size: int, *, known: bool) -> None:
        source = io.BufferedReader(_Into(Source(size)), PIECE)
        self.client.upload_fileobj(source, self.bucket, key, Config=self.transfer)

    def download(self, key: str) -> int:
        with closing(self.client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
            return _counted(body.iter_chunks(PIECE))

    def count(self, prefix: str) -> int:
        pages = self.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return sum(len(page.get("Contents", ())) for page in found)


class Minio(Client):
    def open(self) -> None:
        from minio import Minio as Library

        host = self.endpoint.removeprefix("http://")
        self.client: Any = Library(
            host, access_key=self.keys[0], secret_key=self.keys[1], secure=False, region=REGION
        )

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(self.bucket, key, io.BytesIO(data), len(data))

    def get(self, key: str) -> bytes:
        answer = self.client.get_object(self.bucket, key)
        try:
            return answer.read()  # type: ignore[no-any-return]
        finally:
            answer.close(), answer.release_conn()

    def upload(self, key: str, size: int, *, known: bool) -> None:
        self.client.put_object(
            self.bucket,
            key,
            Source(size),
            size if known else -1,
            part_size=PART,
            num_parallel_uploads=PARTS,
        )

    def download(self, key: str) -> int:
        answer = self.client.get_object(self.bucket, key)
        try:
            return _counted(answer.stream(PIECE))
        finally:
            answer.close(), answer.release_conn()

    def count(self, prefix: str) -> int:
        found = self.client.list_objects(self.bucket, prefix, recursive=True)
        return sum(1 for _item in found)


class _Into(io.RawIOBase):
    """A source with a `readinto`, so that it can be buffered: boto3 takes a short read for the end."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self.source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _counted(pieces: Iterator[Any]) -> int:
    return sum(len(piece) for piece in pieces)


CLIENTS: dict[str, type[Client]] = {
    "ours": Ours,
    "obstore": Obstore,
    "s3fs": S3fs,
    "boto3": Boto3,
    "minio": Minio,
    "fsspec+s3": FsspecS3,
}
