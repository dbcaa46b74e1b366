"""What is left, and what is said, when a server fails in the middle of something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.clock import SystemClock
from ostler.errors import Conflict, Unavailable, Unknown
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.testing.faults import (
    CutBody,
    FaultProxy,
    LoseAnswer,
    always,
    every,
    first,
    nth,
    s3_error,
    together,
)
from ostler.testing.storage.tools import keys_of, put, read
from ostler_fsspec.driver import FsspecStorage
from ostler_fsspec.sftp import SftpBackend

from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from .conftest import Open, new_bucket, s3_options, sftp_options

LARGE = 20 << 20


@pytest.fixture
def bucket(moto: S3Server) -> str:
    return new_bucket(moto)


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(moto.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def driver(opened: Open, moto: S3Server, proxy: FaultProxy, bucket: str) -> FsspecStorage:
    return opened("s3", bucket, **{**s3_options(moto), "endpoint_url": proxy.url})


def test_a_lost_answer_to_an_exclusive_put_is_unknown(
    driver: FsspecStorage, proxy: FaultProxy
) -> None:
    proxy.plan = always(LoseAnswer(), method="PUT")
    with pytest.raises(Unknown):
        put(driver, "once", b"1", if_absent=True)
    proxy.plan = None
    assert read(driver, "once") == b"1"
    with pytest.raises(Conflict):
        put(driver, "once", b"2", if_absent=True)


def test_an_exclusive_put_that_aiohttp_repeats_knows_its_own_object(
    driver: FsspecStorage, proxy: FaultProxy
) -> None:
    put(driver, "before")  # aiohttp repeats on a connection that it has used before
    proxy.plan = first(1, LoseAnswer(), method="PUT")
    info = put(driver, "once", b"1", if_absent=True)
    assert 412 in [record.status for record in proxy.log.records]
    assert driver.stat("once").etag == info.etag
    with pytest.raises(Conflict):
        put(driver, "once", b"1", if_absent=True)


def test_nothing_below_us_tries_again(driver: FsspecStorage, proxy: FaultProxy) -> None:
    for count, code in enumerate(("SlowDown", "InternalError", "RequestTimeout"), 1):
        proxy.plan = always(s3_error(code), method="PUT")
        with pytest.raises(Unavailable):
            put(driver, "a", b"2")
        assert len(proxy.log.records) == count


def test_an_upload_that_breaks_off_leaves_nothing(
    driver: FsspecStorage, proxy: FaultProxy, moto: S3Server, bucket: str
) -> None:
    put(driver, "kept", b"before")
    proxy.plan = nth(2, s3_error("InternalError"), method="PUT")
    for size in (LARGE, None):
        with pytest.raises(Unavailable):
            put(driver, "kept", b"x" * LARGE, size=size)
        proxy.plan = nth(2, s3_error("InternalError"), method="PUT")
    proxy.plan = None
    assert read(driver, "kept") == b"before"
    assert moto.uploads(bucket) == []


def test_an_exclusive_upload_in_parts_is_exclusive(
    driver: FsspecStorage, moto: S3Server, bucket: str
) -> None:
    put(driver, "large", b"1" * LARGE, if_absent=True)
    with pytest.raises(Conflict) as caught:
        put(driver, "large", b"2" * LARGE, if_absent=True)
    assert caught.value.code == "exists"
    assert read(driver, "large", LARGE - 3) == b"111"
    assert moto.uploads(bucket) == []


def test_ostler_gets_through_bad_days(driver: FsspecStorage, proxy: FaultProxy) -> None:
    storage = ObjectStorage(driver, clock=SystemClock(), retry=RetryPolicy(first=0.001))
    proxy.plan = together(every(7, s3_error("SlowDown")), every(5, CutBody(at=0.5), method="GET"))
    data = {f"k/{number}": b"%d" % number * 1000 for number in range(20)}
    for key, value in data.items():
        storage.put(key, value)
    assert {key: storage.read(key) for key in data} == data
    assert [info.key for info in storage.objects()] == sorted(data)
    storage.delete_many(data)
    proxy.plan = None
    assert keys_of(driver) == []
    assert proxy.log.count(fault=CutBody) > 0


def test_an_exclusive_put_over_a_connection_that_breaks_is_unknown(
    opened: Open, sftp_server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = opened("sftp", f"127.0.0.1{tmp_path}", **sftp_options(sftp_server))
    assert driver.capabilities.exclusive_put
    link = SftpBackend.link

    def link_and_break(self: SftpBackend, fs: object, old: str, new: str) -> None:
        sftp_server.drop_connections()
        link(self, fs, old, new)

    monkeypatch.setattr(SftpBackend, "link", link_and_break)
    with pytest.raises(Unknown):
        put(driver, "a", b"1", if_absent=True)
    monkeypatch.undo()
    # Another connection may be found broken only now: that is `Unavailable`, and tried again.
    storage = ObjectStorage(driver, clock=SystemClock(), retry=RetryPolicy(first=0.001))
    storage.put("a", b"2", if_absent=True)
    assert read(driver, "a") == b"2"
