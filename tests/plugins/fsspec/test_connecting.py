from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest
from fsspec.registry import known_implementations
from pydantic import SecretStr

from ostler.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from ostler.testing.storage.tools import keys_of, put, read
from ostler_fsspec.connecting import open_backend
from ostler_fsspec.driver import open_driver
from ostler_fsspec.settings import FsspecSettings

from ...etcd_server import free_port
from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from .conftest import Open, new_bucket, s3_options, sftp_options


def test_an_unknown_protocol_is_refused(opened: Open) -> None:
    with pytest.raises(BadRequest, match="fsspec knows no protocol 'nonesuch'"):
        opened("nonesuch", "x")


def test_a_missing_package_is_named(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"class": "ostler_absent.AbsentFileSystem", "err": "Please install absentfs"}
    monkeypatch.setitem(known_implementations, "absent", absent)
    with pytest.raises(BadRequest, match="Please install absentfs") as caught:
        opened("absent", "x")
    assert caught.value.code == "not_installed"


def test_wrong_options_are_named_without_their_values(opened: Open, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"does not take the options.* nonsense") as caught:
        opened("sftp", "127.0.0.1/x", nonsense="hunter2", port=free_port())
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable(opened: Open) -> None:
    with pytest.raises(Unavailable):
        opened("sftp", "127.0.0.1/x", port=free_port(), allow_agent=False, look_for_keys=False)


def test_a_refused_login_is_unauthorized(opened: Open, sftp_server: SftpServer) -> None:
    options = {**sftp_options(sftp_server), "username": "nobody-of-this-name"}
    with pytest.raises(Unauthorized):
        opened("sftp", "127.0.0.1/x", **options)


def test_host_port_and_user_of_a_url_are_used(sftp_server: SftpServer, tmp_path: Path) -> None:
    options = dict(sftp_options(sftp_server))
    del options["port"], options["username"]
    settings = FsspecSettings(
        protocol="sftp",
        path=f"127.0.0.1:{sftp_server.port}{tmp_path}",
        user=sftp_server.user,
        options=options,
    )
    driver = open_driver(settings)
    put(driver, "a", b"1")
    driver.close()
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_user_that_a_protocol_has_no_place_for_is_refused() -> None:
    with pytest.raises(BadRequest, match="name no user"):
        open_backend(FsspecSettings(protocol="memory", path="x", user="u", password=SecretStr("p")))


def test_a_bucket_is_needed(opened: Open, moto: S3Server) -> None:
    with pytest.raises(BadRequest, match="begins with a bucket"):
        opened("s3", "", **s3_options(moto))


def test_a_missing_bucket_is_no_missing_object(opened: Open, moto: S3Server) -> None:
    driver = opened("s3", "there-is-no-such-bucket", **s3_options(moto))
    for call in (lambda: put(driver, "a"), lambda: keys_of(driver)):
        with pytest.raises(BadRequest) as caught:
            call()
        assert caught.value.code == "no_container"


def test_a_wrong_secret_is_unauthorized(opened: Open, seaweed: S3Server) -> None:
    options = {**s3_options(seaweed), "secret": "wrong"}
    driver = opened("s3", new_bucket(seaweed), **options)
    with pytest.raises((Unauthorized, Forbidden)):
        put(driver, "a")


def test_the_instance_is_our_own(opened: Open, tmp_path: Path) -> None:
    shared = fsspec.filesystem("file")
    one, two = opened("file", str(tmp_path)), opened("file", str(tmp_path))
    objects = {id(fs) for each in (one, two) for fs in [each._backend.clients.take().fs]}
    assert len(objects | {id(shared)}) == 3


def test_a_prefix_keeps_storages_apart(opened: Open, moto: S3Server) -> None:
    bucket = new_bucket(moto)
    one = opened("s3", f"{bucket}/one", **s3_options(moto))
    two = opened("s3", f"{bucket}/one-two/", **s3_options(moto))
    put(one, "k", b"1")
    put(two, "k", b"2")
    assert (keys_of(one), keys_of(two)) == (["k"], ["k"])
    assert (read(one, "k"), read(two, "k")) == (b"1", b"2")
    assert moto.keys(bucket) == ["one-two/k", "one/k"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_may_not_be_written_is_forbidden(opened: Open) -> None:
    with pytest.raises(Forbidden):
        put(opened("file", "/proc/ostler"), "a")
