from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

import ostler_etcd
from ostler.settings import redact_url
from ostler.spi.info import SPI_VERSION, load_reference
from ostler_etcd.settings import EtcdSettings


def test_declares_one_type_that_can_be_loaded() -> None:
    (declared,) = ostler_etcd.ostler_kvs()
    assert (declared.name, declared.schemes) == ("etcd", ("etcd", "etcds"))
    assert load_reference(declared.settings) is EtcdSettings
    assert callable(load_reference(declared.factory))
    assert ostler_etcd.ostler_spi_version == SPI_VERSION


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("etcd://10.0.0.1", {"endpoints": ("10.0.0.1:2379",)}),
        ("etcd://a:1,b,c:3/", {"endpoints": ("a:1", "b:2379", "c:3")}),
        ("etcd://[::1]:7", {"endpoints": ("[::1]:7",)}),
        ("etcd://[::1],[::2]:9", {"endpoints": ("[::1]:2379", "[::2]:9")}),
        ("etcd://h/ostler", {"endpoints": ("h:2379",), "prefix": "/ostler/"}),
        ("etcd://h/team/a%20b/", {"endpoints": ("h:2379",), "prefix": "/team/a b/"}),
        ("etcds://h", {"endpoints": ("h:2379",), "tls": True}),
        ("etcd://h?tls=true&ca=/ca.pem", {"endpoints": ("h:2379",), "tls": True, "ca": "/ca.pem"}),
        ("etcd://u:p%40ss@h", {"endpoints": ("h:2379",), "user": "u", "password": "p@ss"}),
        ("etcd://h?dial_timeout=1.5", {"endpoints": ("h:2379",), "dial_timeout": 1.5}),
    ],
)
def test_url(url: str, expected: dict[str, Any]) -> None:
    settings = EtcdSettings.model_validate(EtcdSettings.from_url(urlsplit(url)))
    assert settings == EtcdSettings.model_validate(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"endpoints": []},
        {"endpoints": ["h:port"]},
        {"endpoints": ["http://h:2379"]},
        {"endpoints": ["::1"]},
        {"endpoints": [""]},
        {"endpoints": ["h"], "ca": "/ca.pem"},
        {"endpoints": ["h"], "tls": True, "cert": "/cert.pem"},
        {"endpoints": ["h"], "user": "u"},
        {"endpoints": ["h"], "password": "p"},
        {"endpoints": ["h"], "request_timeout": 0},
        {"endpoints": ["h"], "cache": 1},
    ],
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EtcdSettings.model_validate(wrong)


def test_the_password_is_never_printed() -> None:
    url = "etcd://u:hunter2@h:1/p"
    settings = EtcdSettings.model_validate(EtcdSettings.from_url(urlsplit(url)))
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "hunter2" not in redact_url(url)
