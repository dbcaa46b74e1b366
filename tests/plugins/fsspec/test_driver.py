from __future__ import annotations

import errno
import os
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ostler.errors import BadRequest, Conflict, Error, Forbidden, NotFound, Unavailable
from ostler.spi.storage import Capabilities
from ostler.testing.storage.tools import keys_of, put, read
from ostler_fsspec.general import RESERVED
from ostler_fsspec.local import LocalBackend

from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from . import strange
from .conftest import Open, new_bucket, s3_options, sftp_options

NOTHING = Capabilities(
    atomic_put=False, exclusive_put=False, durable_put=False, consistent_list=False, flat=False
)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server of files, which knows no ranges."""
    pytest.importorskip("aiohttp")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a").write_bytes(b"0123456789")
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_server_can_be_read(opened: Open, web: str) -> None:
    driver = opened("http", web)
    assert read(driver, "dir/a", 3, 6) == b"345"
    assert driver.stat("dir/a").size == 10
    with pytest.raises(NotFound):
        driver.stat("dir/b")
    with pytest.raises(NotFound):
        driver.stat("dir/a?x")  # a URL that the server answers
    assert driver.capabilities == NOTHING
    with pytest.raises(BadRequest, match="read only"):
        put(driver, "b")


def test_an_archive_can_be_read_and_takes_nothing(opened: Open, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("dir/a", b"0123456789")
        archive.writestr("dir-b", b"")
    driver = opened("zip", "", fo=str(tmp_path / "x.zip"))
    assert keys_of(driver) == ["dir-b", "dir/a"]
    assert read(driver, "dir/a", 3, 6) == b"345"
    assert abs(driver.stat("dir/a").modified - time.time()) < 2 * 86400
    assert driver.capabilities == NOTHING
    with pytest.raises(BadRequest, match="takes nothing"):
        put(driver, "b")


def test_what_is_unknown_is_tried_out(opened: Open, tmp_path: Path) -> None:
    flat = opened("flat", "root", store=uuid.uuid4().hex)
    deep = opened("strange", str(tmp_path / "root"))
    assert (flat.capabilities.flat, deep.capabilities.flat) == (True, False)
    for driver in (flat, deep):
        assert not driver.capabilities.atomic_put
        assert not driver.capabilities.exclusive_put
        assert not driver.capabilities.consistent_list
        assert keys_of(driver) == []


def test_a_call_that_breaks_off_leaves_nothing(opened: Open) -> None:
    store = uuid.uuid4().hex
    driver = opened("flat", "root", store=store, broken=True)
    for size in (10, 9 << 20):
        with pytest.raises(Unavailable, match="in the middle of it"):
            put(driver, "lost", b"x" * size)
        assert keys_of(driver) == []
    assert not strange.FlatFileSystem.stores[store]


def test_a_call_that_fails_at_once_takes_nothing_away(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = opened("flat", "root", store=uuid.uuid4().hex)
    put(driver, "kept", b"old")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionResetError("before anything was done")

    monkeypatch.setattr(strange.FlatFileSystem, "_store", refuse)
    for data in (b"new", b"longer"):
        with pytest.raises(Unavailable):
            put(driver, "kept", data)
    info = strange.FlatFileSystem.info
    answers = iter([ConnectionResetError])

    def once(self: strange.FlatFileSystem, path: str, **options: object) -> object:
        for error in answers:
            raise error("not told what was there before")
        return info(self, path, **options)

    monkeypatch.setattr(strange.FlatFileSystem, "info", once)
    with pytest.raises(Unavailable):
        put(driver, "kept", b"longer")
    assert read(driver, "kept") == b"old"


def test_a_body_of_what_was_replaced_breaks_off(opened: Open, moto: S3Server) -> None:
    s3 = opened("s3", new_bucket(moto), **s3_options(moto))
    unknown = opened("flat", "root", store=uuid.uuid4().hex)
    for driver in (s3, unknown):
        put(driver, "large", b"o" * (9 << 20))
        _info, body = driver.get("large", 0, None)
        with body:
            assert body.read(10) == b"o" * 10
            put(driver, "large", b"n" * (9 << 20))
            with pytest.raises(Unavailable) as caught:
                body.read()
        assert caught.value.code == "changed"


def test_what_s3fs_would_take_for_another_key_is_refused(opened: Open, moto: S3Server) -> None:
    driver = opened("s3", new_bucket(moto), **s3_options(moto))
    put(driver, "q", b"1")
    with pytest.raises(BadRequest) as caught:
        put(driver, "q?versionId=1")
    assert caught.value.code == "bad_key"
    with pytest.raises(NotFound):
        driver.stat("q?versionId=1")
    driver.delete("q?versionId=1")
    for key in ("q?versionI", "q*", "[q]", "q?", "{q}", "q#1", "a%2Fb", "x::y", "s3:", "é ü"):
        put(driver, key, key.encode())
        assert read(driver, key) == key.encode()
    assert read(driver, "q") == b"1"


def test_a_key_has_room_for_the_prefix(opened: Open, moto: S3Server) -> None:
    driver = opened("s3", f"{new_bucket(moto)}/prefix", **s3_options(moto))
    put(driver, "k" * 1017, b"1")
    with pytest.raises(BadRequest) as caught:
        put(driver, "k" * 1018)
    assert caught.value.code == "bad_key"


def test_links_are_not_objects(opened: Open, sftp_server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    for driver in (
        opened("file", str(tmp_path)),
        opened("sftp", f"127.0.0.1{tmp_path}", **sftp_options(sftp_server)),
    ):
        assert keys_of(driver) == ["real"]
        for key in ("link", "pipe"):
            with pytest.raises(NotFound):
                driver.stat(key)
            with pytest.raises(NotFound):
                driver.get(key, 0, None)


def test_a_broken_connection_is_replaced(
    opened: Open, sftp_server: SftpServer, tmp_path: Path
) -> None:
    driver = opened("sftp", f"127.0.0.1{tmp_path}", **sftp_options(sftp_server))
    put(driver, "a", b"x" * 100)
    _info, body = driver.get("a", 0, None)
    sftp_server.drop_connections()
    with body, pytest.raises(Unavailable):
        body.read()
    with pytest.raises(Unavailable):
        driver.stat("a")
    assert read(driver, "a") == b"x" * 100


def test_the_root_and_the_home_directory_can_hold_a_storage(
    opened: Open, sftp_server: SftpServer, tmp_path: Path
) -> None:
    options = sftp_options(sftp_server)
    whole = opened("sftp", "127.0.0.1/", **options)
    (tmp_path / "a").write_bytes(b"1")
    key = f"{tmp_path}/a".strip("/")
    for driver in (whole, opened("file", "/")):
        assert keys_of(driver, key) == [key]
        assert read(driver, key) == b"1"
    home = opened("sftp", "127.0.0.1", **options)
    with pytest.raises(NotFound):
        home.stat(f"there/is/no/{tmp_path.name}")


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EPERM, Forbidden), (errno.ENOSPC, Unavailable)]
)
def test_what_is_in_nobodys_way_fails_with_its_reason(
    opened: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    expected: type[Error],
) -> None:
    tries = []

    def refuse(*_: object) -> None:
        tries.append(1)
        raise OSError(number, os.strerror(number))

    for step in ("link", "replace"):
        monkeypatch.setattr(LocalBackend, step, refuse)
    driver = opened("file", str(tmp_path))
    for count, if_absent in enumerate((True, False), 1):
        with pytest.raises(expected, match=os.strerror(number)):
            put(driver, "a", if_absent=if_absent)
        assert len(tries) == count
    assert keys_of(driver) == []


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_storage_where_a_file_is_takes_nothing(
    opened: Open, sftp_server: SftpServer, tmp_path: Path, place: str
) -> None:
    (tmp_path / "taken").write_bytes(b"1")
    for driver in (
        opened("file", f"{tmp_path}/{place}"),
        opened("strange", f"{tmp_path}/{place}"),
        opened("sftp", f"127.0.0.1{tmp_path}/{place}", **sftp_options(sftp_server)),
    ):
        with pytest.raises(BadRequest, match="check the storage's path"):
            put(driver, "a")
        assert keys_of(driver) == []


def test_old_drafts_are_swept(opened: Open, sftp_server: SftpServer, tmp_path: Path) -> None:
    drafts = tmp_path / RESERVED
    drafts.mkdir()
    for name, days in (("old", 2), ("new", 0)):
        (drafts / name).touch()
        when = time.time() - days * 86400
        os.utime(drafts / name, (when, when))
    put(opened("sftp", f"127.0.0.1{tmp_path}", **sftp_options(sftp_server)), "a")
    assert [path.name for path in drafts.iterdir()] == ["new"]
    os.utime(drafts / "new", (0, 0))
    put(opened("file", str(tmp_path)), "b")
    assert list(drafts.iterdir()) == []


def test_an_exclusive_put_is_exclusive_between_drivers(opened: Open) -> None:
    path = uuid.uuid4().hex
    one, two = opened("memory", path), opened("memory", path)
    put(one, "a", b"1", if_absent=True)
    with pytest.raises(Conflict):
        put(two, "a", b"2", if_absent=True)
    assert read(two, "a") == b"1"


def test_a_memory_of_its_own_is_shared_with_nobody(opened: Open) -> None:
    one, two = (opened("memory", "x", global_store=False) for _ in range(2))
    put(one, "a", b"1")
    assert (keys_of(one), keys_of(two)) == (["a"], [])
