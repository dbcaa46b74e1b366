"""Authentication and TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ostler.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from ostler_etcd.driver import EtcdDriver

from ...etcd_server import EtcdServer, TlsFiles
from .conftest import OpenDriver, StartServer
from .steps import DEADLINE, following, put

LOGIN = {"user": "ostler", "password": "correct horse"}


@pytest.fixture
def guarded(start_server: StartServer) -> EtcdServer:
    """A server with a user who may use the prefix ``/mine/``."""
    server = start_server(arguments=["--bcrypt-cost=4"])
    server.enable_auth(**LOGIN, prefix="/mine/")
    return server


def test_user_may_use_the_prefix(guarded: EtcdServer, connect: OpenDriver) -> None:
    driver = connect(guarded.endpoint, prefix="/mine/", **LOGIN)
    with driver.watch("", 0) as watch:
        revision = put(driver, "k")
        assert [event.revision for event in watch.next(DEADLINE)] == [revision]
    assert [item.key for item in driver.list("", start_after="", limit=9, revision=0).items] == [
        "k"
    ]
    lease = driver.grant(30)
    driver.keep_alive(lease.id)
    driver.revoke(lease.id)
    driver.compact(revision)


def calls(driver: EtcdDriver) -> list[Callable[[], object]]:
    return [lambda: driver.get("k"), lambda: put(driver, "k"), lambda: driver.watch("", 0)]


def test_elsewhere_is_forbidden(guarded: EtcdServer, connect: OpenDriver) -> None:
    for call in calls(connect(guarded.endpoint, prefix="/other/", **LOGIN)):
        with pytest.raises(Forbidden, match="grant the user's role"):
            call()


def test_nobody_is_unauthorized(guarded: EtcdServer, connect: OpenDriver) -> None:
    for call in calls(connect(guarded.endpoint, prefix="/mine/")):
        with pytest.raises(Unauthorized, match="set user and password"):
            call()


def test_wrong_password_is_unauthorized_and_not_told(
    guarded: EtcdServer, connect: OpenDriver
) -> None:
    wrong = {"user": "ostler", "password": "battery staple"}
    for call in calls(connect(guarded.endpoint, prefix="/mine/", **wrong)):
        with pytest.raises(Unauthorized, match="check user and password") as caught:
            call()
        assert "battery" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_login_where_none_is_needed(server: EtcdServer, connect: OpenDriver) -> None:
    assert put(connect(server.endpoint, **LOGIN), "k")


def test_authentication_that_is_switched_on_later(
    start_server: StartServer, connect: OpenDriver
) -> None:
    server = start_server(arguments=["--bcrypt-cost=4"])
    driver = connect(server.endpoint, prefix="/mine/", **LOGIN)
    put(driver, "k")
    server.enable_auth(**LOGIN, prefix="/mine/")
    put(driver, "k")


def test_token_is_renewed_when_it_is_refused(guarded: EtcdServer, connect: OpenDriver) -> None:
    """A restart forgets all tokens; many threads need one new one, and the watch too."""
    driver = connect(guarded.endpoint, prefix="/mine/", **LOGIN)
    with driver.watch("k", 0) as watch:
        put(driver, "k")
        assert len(watch.next(DEADLINE)) == 1
        guarded.restart()
        outcomes: list[object] = []
        threads = [
            threading.Thread(target=lambda: outcomes.append(driver.get("k"))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert len(outcomes) == 8
        revision = put(driver, "k")
        assert [event.revision for event in following(watch)] == [revision]


@pytest.fixture(scope="module")
def tls_server(etcd: None, tls_files: TlsFiles, tmp_path_factory: pytest.TempPathFactory) -> object:
    with EtcdServer(tmp_path_factory.mktemp("tls-etcd"), tls=tls_files) as server:
        yield server


def test_tls(tls_server: EtcdServer, tls_files: TlsFiles, connect: OpenDriver) -> None:
    certificate = {"cert": str(tls_files.client_cert), "key": str(tls_files.client_key)}
    driver = connect(tls_server.endpoint, tls=True, ca=str(tls_files.ca), **certificate)
    assert put(driver, "k")


@pytest.mark.parametrize("settings", [{}, {"tls": True}, {"tls": True, "ca": "ours"}])
def test_tls_that_does_not_fit(
    settings: dict[str, object], tls_server: EtcdServer, tls_files: TlsFiles, connect: OpenDriver
) -> None:
    """No TLS at all; a server that is not trusted; no certificate of ours."""
    if "ca" in settings:
        settings = {**settings, "ca": str(tls_files.ca)}
    driver = connect(tls_server.endpoint, dial_timeout=0.3, **settings)
    with pytest.raises(Unavailable, match=r"cannot be reached|healthy"):
        driver.get("k")


def test_certificate_that_cannot_be_read(connect: OpenDriver, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.pem")
    with pytest.raises(BadRequest, match=r"absent\.pem"):
        connect("127.0.0.1:1", tls=True, ca=absent)
