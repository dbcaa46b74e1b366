"""What people meet when something is set up wrongly, or the server is in trouble: an error that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Error, Forbidden, Unauthorized, Unavailable, Unknown
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.testing.faults import (
    CutBody,
    Delay,
    Fault,
    FaultProxy,
    LoseAnswer,
    Reset,
    always,
    s3_error,
)
from ostler_s3.driver import S3Storage

from .conftest import Connect, MakePlace, Place

Call = Callable[[S3Storage], object]
Through = Callable[..., S3Storage]

ONCE = RetryPolicy(attempts=1)
QUICK = {"retry_timeout": 0, "stale_upload_age": 0, "exclusive_put": True, "ordered_list": True}

CALLS: Mapping[str, Call] = {
    "stat": lambda driver: driver.stat("k"),
    "get": lambda driver: driver.get("k", 0, None),
    "put": lambda driver: _storage(driver).put("k", b"data"),
    "exclusive put": lambda driver: _storage(driver).put("k", b"data", if_absent=True),
    "put of parts": lambda driver: _storage(driver).put("k", b"x" * (9 << 20)),
    "delete": lambda driver: driver.delete("k"),
    "delete_many": lambda driver: driver.delete_many(["k", "l"]),
    "list": lambda driver: list(driver.list("", "", "")),
}


def _storage(driver: S3Storage) -> ObjectStorage:
    return ObjectStorage(driver, clock=SystemClock(), retry=ONCE)


@pytest.fixture
def through(place: Place, connect: Connect) -> Iterator[Through]:
    """Open a driver whose every request meets a fault."""
    proxies: list[FaultProxy] = []

    def open_one(fault: Fault, **settings: Any) -> S3Storage:
        proxies.append(FaultProxy(place.server.endpoint_url, always(fault)))
        proxies[-1].__enter__()
        return connect(place, endpoint_url=proxies[-1].url, **{**QUICK, **settings})

    yield open_one
    for proxy in proxies:
        proxy.__exit__(None, None, None)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("settings", "code", "advice"),
    [
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId", "does not know the access key"),
        ({"secret_access_key": "wrong"}, "SignatureDoesNotMatch", "does not fit the access key"),
    ],
    ids=["wrong key", "wrong secret"],
)
def test_wrong_keys(
    make_place: MakePlace,
    connect: Connect,
    call: Call,
    settings: dict[str, Any],
    code: str,
    advice: str,
) -> None:
    driver = connect(make_place("seaweed"), **{**QUICK, **settings})
    with pytest.raises(Unauthorized, match=advice) as caught:
        call(driver)
    assert caught.value.code == code
    assert "check access_key_id and secret_access_key" in caught.value.message


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_missing_bucket(place: Place, connect: Connect, call: Call) -> None:
    """On moto: SeaweedFS makes a bucket that somebody writes to who may make one."""
    driver = connect(place, bucket="no-such-bucket", **QUICK)
    with pytest.raises(BadRequest, match="there is no such bucket; make it, or set create_bucket"):
        call(driver)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nobody_listens(place: Place, connect: Connect, call: Call) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        driver = connect(place, endpoint_url=url, **QUICK)
        with pytest.raises(Unavailable, match="check endpoint_url, the network") as caught:
            call(driver)
    assert caught.value.code == "unreachable"
    assert "Connection refused" in caught.value.message
    assert not isinstance(caught.value, Unknown)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_slow_server(through: Through, call: Call) -> None:
    driver = through(Delay(30), read_timeout=0.2)
    with pytest.raises(Unavailable, match="did not answer in time"):
        call(driver)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_slow_down(through: Through, call: Call) -> None:
    driver = through(s3_error("SlowDown"))
    with pytest.raises(Unavailable, match="SlowDown Please reduce your request rate") as caught:
        call(driver)
    assert not isinstance(caught.value, Unknown)


@pytest.mark.parametrize("name", ["put", "exclusive put", "put of parts"])
@pytest.mark.parametrize("fault", [s3_error("InternalError"), Reset(), LoseAnswer()])
def test_nobody_knows_whether_it_was_put(through: Through, name: str, fault: Fault) -> None:
    with pytest.raises(Unknown, match="may have"):
        CALLS[name](through(fault))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("fault", "kind", "code", "advice"),
    [
        (
            s3_error("RequestTimeTooSkewed", 403),
            Unauthorized,
            "clock_skew",
            "clock of this machine",
        ),
        (s3_error("AccessDenied", 403), Forbidden, "forbidden", "ask the owner of the bucket"),
        (s3_error("ExpiredToken", 400), Unauthorized, "ExpiredToken", "have expired: get new ones"),
        (
            s3_error("AuthorizationHeaderMalformed", 400, "wrong; expecting 'eu-west-1'"),
            BadRequest,
            "region",
            "set region = 'eu-west-1'",
        ),
    ],
    ids=["clock skew", "no right", "expired", "region"],
)
def test_refusals(
    through: Through, call: Call, fault: Fault, kind: type[Error], code: str, advice: str
) -> None:
    """No server here sees the time, so what S3 says of it is injected."""
    with pytest.raises(kind, match=advice) as caught:
        call(through(fault))
    assert (type(caught.value), caught.value.code) == (kind, code)


@pytest.mark.parametrize("reset", [False, True])
def test_truncated_body(place: Place, through: Through, connect: Connect, reset: bool) -> None:
    connect(place, **QUICK).put("k", _Source(b"x" * 100_000), size=100_000, **PLAIN)
    _info, body = through(CutBody(reset=reset)).get("k", 0, None)
    with pytest.raises(Unavailable, match="broke off the connection"), body:
        body.read()


PLAIN: Any = {"persist": True, "if_absent": False}


class _Source:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def test_nobody_offers_keys(
    place: Place, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    driver = connect(place, access_key_id="", secret_access_key="", **QUICK)
    with pytest.raises(Unauthorized, match="set access_key_id and secret_access_key") as caught:
        driver.stat("k")
    assert caught.value.code == "no_credentials"


def test_a_key_that_is_too_long_with_the_prefix(make_place: MakePlace, connect: Connect) -> None:
    driver = connect(make_place("moto", "p" * 100 + "/"), **QUICK)
    with pytest.raises(BadRequest) as caught:
        driver.put("k" * 1024, _Source(b""), size=0, **PLAIN)
    assert caught.value.code == "bad_key"
