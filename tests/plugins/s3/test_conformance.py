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


class S3Conformance(StorageConformance):
    server: ClassVar[str]
    place: Place

    @pytest.fixture(autouse=True)
    def _known(self, request: pytest.FixtureRequest) -> None:
        if why := WRONG[self.server].get(request.node.name):
            request.applymarker(pytest.mark.xfail(strict=True, reason=f"{self.server}: {why}"))

    @pytest.fixture
    def driver(self, make_place: MakePlace, connect: Connect) -> S3Storage:
        self.place = make_place(self.server)
        return connect(self.place)

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return self.place.uploads()


class TestMoto(S3Conformance):
    server = "moto"


class TestSeaweed(S3Conformance):
    server = "seaweed"


@pytest.mark.slow
class TestCeph(S3Conformance):
    server = "ceph"


@pytest.mark.parametrize("server", WRONG)
def test_the_list_names_checks(server: str) -> None:
    assert [check for check in WRONG[server] if not hasattr(StorageConformance, check)] == []
