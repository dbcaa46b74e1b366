"""Ways to the server: TLS with a certificate of one's own, an HTTP proxy, the bucket in the host name.

Each is taken by both clients: obstore, and s3fs beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Unavailable
from ostler.ost import ObjectStorage
from ostler.testing.faults import FaultProxy
from ostler_s3.driver import S3Storage, open_driver
from ostler_s3.settings import S3Settings

from ...etcd_server import TlsFiles, make_tls
from ...s3_servers import MotoServer
from ...support import require
from .conftest import Connect, Place

QUICK: dict[str, Any] = {
    "stale_upload_age": 0,
    "exclusive_put": True,
    "ordered_list": True,
    "retry_timeout": 0,
}


class TlsMoto(MotoServer):
    """moto over TLS."""

    def __init__(self, directory: Path, files: TlsFiles) -> None:
        super().__init__(directory)
        self.files = files

    @property
    def endpoint_url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def connect(self, **changes: Any) -> Any:
        return super().connect(verify=str(self.files.ca), **changes)

    def _run(self, command: Any, **variables: str) -> None:
        tls = ["-c", str(self.files.server_cert), "-k", str(self.files.server_key)]
        super()._run([*command, *tls], **variables)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(files: TlsFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if missing := MotoServer.missing():
        require("moto", missing)
    with TlsMoto(tmp_path_factory.mktemp("moto"), files) as server:
        yield Place(server, server.make_bucket(f"ostler-{uuid.uuid4().hex}"), "")


def by_both_clients(driver: S3Storage) -> None:
    storage = ObjectStorage(driver, clock=SystemClock())
    storage.put("k", b"data")
    assert storage.read("k") == b"data"
    assert list(driver.admin.uploads()) == []


def test_an_own_authority(secure: Place, connect: Connect, files: TlsFiles) -> None:
    by_both_clients(connect(secure, ca=str(files.ca), **QUICK))


def test_a_bundle_of_authorities(
    secure: Place, connect: Connect, files: TlsFiles, tmp_path: Path
) -> None:
    other = make_tls(tmp_path / "other")
    (tmp_path / "bundle.pem").write_bytes(other.ca.read_bytes() + files.ca.read_bytes())
    by_both_clients(connect(secure, ca=str(tmp_path / "bundle.pem"), **QUICK))


@pytest.mark.parametrize("wrong", [False, True], ids=["none", "another"])
def test_a_server_that_nobody_vouches_for(
    secure: Place, connect: Connect, tmp_path: Path, wrong: bool
) -> None:
    ca = str(make_tls(tmp_path / "other").ca) if wrong else ""
    driver = connect(secure, ca=ca, **QUICK)
    for call in (lambda: driver.stat("k"), lambda: list(driver.admin.uploads())):
        with pytest.raises(
            BadRequest, match=r"certificate is not trusted \(.*\); set ca"
        ) as caught:
            call()
        assert caught.value.code == "certificate"


@pytest.mark.parametrize("content", [None, b"no certificate"], ids=["absent", "something else"])
def test_a_file_that_has_no_certificates(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    settings = S3Settings(bucket="ostler", anonymous=True, ca=str(path))
    with pytest.raises(BadRequest, match=r"the certificates of .*ca\.pem"):
        open_driver(settings)


HOST = (
    "s3.amazonaws.com"  # moto looks for buckets before it; over HTTP and the proxy, none goes there
)


def test_a_proxy(place: Place, proxy: FaultProxy, connect: Connect) -> None:
    """It is asked for all of the URL, whose host it alone knows."""
    driver = connect(place, endpoint_url=f"http://{HOST}", proxy=proxy.url, **QUICK)
    by_both_clients(driver)
    assert {record.request.method for record in proxy.log.records} == {"PUT", "GET"}
    for record in proxy.log.records:
        assert record.request.target.startswith(f"http://{HOST}/{place.bucket}")
    assert place.read("k") == b"data"


def test_a_proxy_that_is_away(place: Place, connect: Connect) -> None:
    driver = connect(place, proxy="http://me:hunter2@127.0.0.1:1", **QUICK)
    with pytest.raises(
        Unavailable, match="check endpoint_url, the network and the proxy"
    ) as caught:
        driver.stat("k")
    assert "hunter2" not in f"{caught.value!r} {driver.settings!r}"


def test_the_bucket_in_the_host_name(place: Place, proxy: FaultProxy, connect: Connect) -> None:
    """By way of the proxy, since no such name resolves here."""
    options = {"endpoint_url": f"http://{HOST}", "proxy": proxy.url, "addressing": "virtual"}
    by_both_clients(connect(place, **options, **QUICK))
    hosts = {record.request.header("host") for record in proxy.log.records}
    assert hosts == {f"{place.bucket}.{HOST}"}
    assert place.read("k") == b"data"
