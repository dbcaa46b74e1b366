from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ostler.testing.faults import FaultProxy
from ostler_s3.driver import S3Storage, open_driver
from ostler_s3.settings import S3Settings

from ...s3_servers import S3Server

Connect = Callable[..., S3Storage]
MakePlace = Callable[..., "Place"]


@dataclass(frozen=True)
class Place:
    """A bucket, the prefix of a storage in it that nobody else uses, and what a witness sees there."""

    server: S3Server
    bucket: str
    prefix: str

    def listed(self) -> list[str]:
        """The keys there, in the order of their bytes."""
        found = self.server.keys(self.bucket, self.prefix)
        return sorted((key.removeprefix(self.prefix) for key in found), key=str.encode)

    def read(self, key: str) -> bytes:
        return self.server.read(self.bucket, self.prefix + key)

    def uploads(self) -> list[str]:
        """The keys of unfinished uploads there."""
        found = self.server.uploads(self.bucket, self.prefix)
        return [key.removeprefix(self.prefix) for key in found]


@pytest.fixture
def make_place(request: pytest.FixtureRequest) -> Iterator[MakePlace]:
    """``(server, prefix)``: make a place in a bucket of its own on the server of that name.

    With ``shared=True`` others may use the same bucket, where the server is slow to make one. The
    server is started, or the test skipped. Buckets are removed; a shared one ends with its server.
    """
    made: list[Place] = []

    def make(name: str, prefix: str = "", *, shared: bool = False) -> Place:
        server: S3Server = request.getfixturevalue(name)
        if shared and server.buckets_are_dear:
            return Place(server, server.shared_bucket, f"{uuid.uuid4().hex}/{prefix}")
        made.append(Place(server, server.make_bucket(f"ostler-{uuid.uuid4().hex}"), prefix))
        return made[-1]

    yield make
    for place in made:
        place.server.remove_bucket(place.bucket)


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """A bucket on moto; modules that need something else have a fixture of their own."""
    return make_place("moto")


@pytest.fixture
def proxy(place: Place) -> Iterator[FaultProxy]:
    """Lets everything through, and notes it."""
    with FaultProxy(place.server.endpoint_url) as started:
        yield started


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open drivers on a place; all are closed."""
    opened: list[S3Storage] = []

    def open_one(place: Place, **settings: Any) -> S3Storage:
        fields = {
            "bucket": place.bucket,
            "prefix": place.prefix,
            "endpoint_url": place.server.endpoint_url,
            "region": place.server.region,
            "access_key_id": place.server.access_key,
            "secret_access_key": place.server.secret_key,
            **({} if place.server.knows_age_of_uploads else {"stale_upload_age": 0}),
            **settings,
        }
        opened.append(open_driver(S3Settings.model_validate(fields)))
        return opened[-1]

    yield open_one
    for driver in opened:
        driver.close()
    for thread in threading.enumerate():
        if thread.name == "s3-sweep":
            thread.join(20)  # it ends by itself, and disturbs no test after this one
