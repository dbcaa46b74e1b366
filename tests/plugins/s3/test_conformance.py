"""The whole contract on real servers, and by name what each of them does wrong itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from ostler.spi.storage import StorageDriver
from ostler.testing.storage import StorageConformance
from ostler_s3.driver import S3Storage

from .conftest import Connect, MakePlace, Place

WRONG: Mapping[str, Mapping[str, str]] = {
    "moto": {},
    "seaweed": {
        "test_keys_of_every_kind": "a backslash in a key becomes a slash, so that the object is not found",
    },
    "ceph": {},
}
"""Server → check → what was observed. What does not fail any more fails the test, so that the list is true."""

SLOW: Mapping[str, Mapping[str, str]] = {
    "moto": {"test_list_pages": "1200 puts at 5 ms; SeaweedFS has this check"},
    "seaweed": {
        "test_if_absent_race": "whoever meets another's exclusive put waits a second for its lock: "
        "38 s for twelve rounds; moto has this check, and test_if_absent is there on both",
    },
}
"""Server → check → why it is marked as slow: `-m slow` runs it."""

WHOLE_BUCKET = ("test_key_of_full_length", "test_part_of_full_length")
"""Checks that leave no room for a prefix: it counts among the 1024 bytes of a key."""


class S3Conformance(StorageConformance):
    server: ClassVar[str]
    place: Place

    @pytest.fixture(autouse=True)
    def _known(self, request: pytest.FixtureRequest) -> None:
        if why := WRONG[self.server].get(request.node.name):
            request.applymarker(pytest.mark.xfail(strict=True, reason=f"{self.server}: {why}"))

    @pytest.fixture
    def driver(
        self, request: pytest.FixtureRequest, make_place: MakePlace, connect: Connect
    ) -> S3Storage:
        self.place = make_place(self.server, shared=request.node.name not in WHOLE_BUCKET)
        return connect(self.place)

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return self.place.uploads()


class TestMoto(S3Conformance):
    server = "moto"
    slow = SLOW["moto"]


@pytest.mark.timeout(180)  # for what is slow
class TestSeaweed(S3Conformance):
    server = "seaweed"
    slow = SLOW["seaweed"]


@pytest.mark.slow
class TestCeph(S3Conformance):
    server = "ceph"


@pytest.mark.parametrize("server", WRONG)
def test_the_lists_name_checks(server: str) -> None:
    named = [*WRONG[server], *SLOW.get(server, ()), *WHOLE_BUCKET]
    assert [check for check in named if not hasattr(StorageConformance, check)] == []
