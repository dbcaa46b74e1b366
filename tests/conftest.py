"""What all tests have: how hypothesis goes about, and servers, each started when the first test asks for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from .ceph_server import CephServer
from .s3_servers import MotoServer, S3Server, SeaweedServer
from .support import require


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow what a class of tests tells to be, by name: its ``slow`` is test → the reason."""
    slow = getattr(getattr(item, "cls", None), "slow", {})
    if getattr(item, "originalname", None) in slow:
        item.add_marker(pytest.mark.slow)


if importlib.util.find_spec("hypothesis"):  # the framework alone is tested without
    from hypothesis import HealthCheck, settings

    # The same examples on every machine, however busy it is.
    settings.register_profile(
        "ostler",
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("ostler")


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from _started(MotoServer, tmp_path_factory)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from _started(SeaweedServer, tmp_path_factory)


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from _started(CephServer, tmp_path_factory)


def _started(kind: type[S3Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if missing := kind.missing():
        require(kind.name, missing)
    with kind(tmp_path_factory.mktemp(kind.name)) as server:
        yield server
