from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from ostler.spi.storage import StorageDriver
from ostler.testing.storage import StorageConformance

from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from . import strange  # noqa: F401 - registers protocols
from .conftest import Open, new_bucket, s3_options, sftp_options

S3_DEVIATIONS = {
    "test_keys_of_every_kind": "s3fs takes q?versionId=1 for q: the plugin refuses such a key"
}
EMPTY_STAY = {
    "test_key_beside_prefix": "empty directories stay: rmdir may mean anything in what is unknown"
}
"""Checks that fail, and what was seen; one that does not fail any more is an error."""

SLOW_ON_SEAWEED = {
    "test_if_absent_race": "whoever meets another's exclusive put waits a second for its lock: 38 s "
    "for twelve rounds; moto has this check"
}
SLOW_ON_MOTO = {
    "test_list_pages": "1200 puts at 5 ms; SeaweedFS, and the s3 driver on moto, have this check",
    "test_many_threads": "384 puts and 192 reads of one process; SeaweedFS has this check",
    "test_last_of_a_directory": "there are no directories; SeaweedFS, which has some, has this check",
}
"""Checks that are marked as slow, and why: `-m slow` runs them."""

WHOLE_BUCKET = ("test_key_of_full_length", "test_part_of_full_length")
"""Checks that leave no room for a prefix: it counts among the 1024 bytes of a key."""


@pytest.fixture(autouse=True)
def _expect_deviations(request: pytest.FixtureRequest) -> None:
    deviations = getattr(request.cls, "deviations", {})
    if reason := deviations.get(request.node.originalname):
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))


class TestMemory(StorageConformance):
    @pytest.fixture
    def driver(self, opened: Open) -> StorageDriver:
        return opened("memory", uuid.uuid4().hex)


class TestFile(StorageConformance):
    @pytest.fixture
    def driver(self, opened: Open, tmp_path: Path) -> StorageDriver:
        self.root = tmp_path / "root"
        return opened("file", str(self.root))

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return _leftovers(self.root)


class TestSftp(StorageConformance):
    @pytest.fixture
    def driver(self, opened: Open, sftp_server: SftpServer, tmp_path: Path) -> StorageDriver:
        self.root = tmp_path / "root"
        return opened("sftp", f"127.0.0.1{self.root}", **sftp_options(sftp_server))

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return _leftovers(self.root)


class TestUnknownWithDirectories(StorageConformance):
    deviations = EMPTY_STAY

    @pytest.fixture
    def driver(self, opened: Open, tmp_path: Path) -> StorageDriver:
        return opened("strange", str(tmp_path / "root"))


class TestUnknownFlat(StorageConformance):
    @pytest.fixture
    def driver(self, opened: Open) -> StorageDriver:
        return opened("flat", "root", store=uuid.uuid4().hex)


class S3Conformance(StorageConformance):
    server: ClassVar[str]
    deviations = S3_DEVIATIONS

    @pytest.fixture
    def driver(self, request: pytest.FixtureRequest, opened: Open) -> StorageDriver:
        self.place: S3Server = request.getfixturevalue(self.server)
        shared = self.place.buckets_are_dear and request.node.name not in WHOLE_BUCKET
        self.prefix = uuid.uuid4().hex if shared else ""
        self.bucket = self.place.shared_bucket if shared else new_bucket(self.place)
        path = f"{self.bucket}/{self.prefix}".rstrip("/")
        return opened("s3", path, **s3_options(self.place))

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        return self.place.uploads(self.bucket, self.prefix)


class TestS3OnMoto(S3Conformance):
    server = "moto"
    slow = SLOW_ON_MOTO
    # moto answers 500 to some of many writes of one key at once; SeaweedFS has this check.
    test_whole_versions = None  # type: ignore[assignment]


@pytest.mark.timeout(180)  # for what is slow
class TestS3OnSeaweed(S3Conformance):
    server = "seaweed"
    slow = SLOW_ON_SEAWEED


@pytest.mark.slow
class TestS3OnCeph(S3Conformance):
    server = "ceph"
    # Ceph answers 500 to some reads of what is overwritten at that moment; SeaweedFS has this check.
    test_whole_versions = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "checks", [S3_DEVIATIONS, EMPTY_STAY, SLOW_ON_SEAWEED, SLOW_ON_MOTO, WHOLE_BUCKET]
)
def test_the_lists_name_checks(checks: Collection[str]) -> None:
    assert [check for check in checks if not hasattr(StorageConformance, check)] == []


def _leftovers(root: Path) -> list[str]:
    """Return the drafts and the empty directories below ``root``; drafts' own directory may stay."""
    found = []
    for path, directories, files in os.walk(root):
        if ".ostler" in path:
            found += [f"{path}/{name}" for name in files]
        elif not (directories or files) and path != str(root):
            found.append(path)
    return found
