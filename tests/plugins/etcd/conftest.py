from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler_etcd.driver import EtcdDriver, open_driver
from ostler_etcd.settings import EtcdSettings

from ...etcd_server import EtcdServer, TlsFiles, make_tls
from ...support import require

OpenDriver = Callable[..., EtcdDriver]
StartServer = Callable[..., EtcdServer]


@pytest.fixture(scope="session")
def etcd() -> None:
    """The program."""
    if shutil.which("etcd") is None:
        require("etcd", "there is no program `etcd` (Debian's package etcd-server) on the PATH")


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    if shutil.which("openssl") is None:
        require("openssl", "there is no program `openssl` on the PATH")
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def server(etcd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """A server for all tests that leave it as it is."""
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as started:
        yield started


@pytest.fixture
def start_server(etcd: None, tmp_path: Path) -> Iterator[StartServer]:
    """Start servers of one's own; all are ended."""
    started: list[EtcdServer] = []

    def start(**options: Any) -> EtcdServer:
        directory = tmp_path / f"etcd-{len(started)}"
        started.append(EtcdServer(directory, **options))
        return started[-1].start()

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def connect() -> Iterator[OpenDriver]:
    """Open drivers on ``endpoints``; all are closed."""
    opened: list[EtcdDriver] = []

    def open_one(*endpoints: str, **settings: Any) -> EtcdDriver:
        fields = {"endpoints": endpoints, **settings}
        opened.append(open_driver(EtcdSettings.model_validate(fields)))
        return opened[-1]

    yield open_one
    for driver in opened:
        driver.close()


@pytest.fixture
def driver(server: EtcdServer, connect: OpenDriver) -> EtcdDriver:
    return connect(server.endpoint)


@pytest.fixture
def second_driver(server: EtcdServer, connect: OpenDriver) -> EtcdDriver:
    return connect(server.endpoint)
