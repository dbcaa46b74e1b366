from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ostler_fsspec.driver import FsspecStorage, open_driver
from ostler_fsspec.settings import FsspecSettings

from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from ...support import require

Open = Callable[..., FsspecStorage]
"""``(protocol, path, **options)``: opens a driver, which is closed after the test."""


@pytest.fixture
def opened() -> Iterator[Open]:
    drivers: list[FsspecStorage] = []

    def open_one(protocol: str, path: str, **options: Any) -> FsspecStorage:
        fields = {"protocol": protocol, "path": path, "options": options}
        drivers.append(open_driver(FsspecSettings.model_validate(fields)))
        return drivers[-1]

    yield open_one
    for driver in drivers:
        driver.close()


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    pytest.importorskip("paramiko")
    if reason := SftpServer.missing():
        require("sftp", reason)
    with SftpServer(tmp_path_factory.mktemp("sftp")) as server:
        yield server


def sftp_options(server: SftpServer) -> Mapping[str, Any]:
    return {
        "port": server.port,
        "username": server.user,
        "key_filename": str(server.user_key),
        "allow_agent": False,
        "look_for_keys": False,
    }


def s3_options(server: S3Server) -> Mapping[str, Any]:
    pytest.importorskip("s3fs")
    return {
        "endpoint_url": server.endpoint_url,
        "key": server.access_key,
        "secret": server.secret_key,
        "client_kwargs": {"region_name": server.region},
    }


def new_bucket(server: S3Server) -> str:
    return server.make_bucket(f"b-{uuid.uuid4().hex[:20]}")
