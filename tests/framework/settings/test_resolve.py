from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from ostler.errors import BadRequest, Internal, NotFound
from ostler.host import Host
from ostler.settings import (
    Settings,
    discover_host,
    load_settings,
    redact_url,
    resolve_executor,
    resolve_kv,
    resolve_storage,
)

Install = Callable[..., None]

SOURCE = """
from typing import Literal
from pydantic import SecretStr, field_validator
from ostler.spi import hookimpl, ExecutorType, KvType, Settings, StorageType
ostler_spi_version = (1, 0)

class VaultSettings(Settings):
    path: str
    size: int = 1
    password: SecretStr = SecretStr("")

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("must be absolute")
        return path

class Fussy(Settings):
    @classmethod
    def from_url(cls, url):
        raise ValueError("it has no URLs")

class Plain:
    pass

def make(settings):
    return ("made", settings)

def _type(kind, name, model="VaultSettings", **more):
    return kind(name=name, summary="", settings=f"{__name__}:{model}", factory=f"{__name__}:make", **more)

@hookimpl
def ostler_storages():
    return [
        _type(StorageType, "vault", schemes=("vault",)),
        _type(StorageType, "cellar", schemes=("cellar",), selectable=False),
        _type(StorageType, "fussy", "Fussy", schemes=("fussy",)),
        _type(StorageType, "plain", "Plain", schemes=("plain",)),
    ]

@hookimpl
def ostler_kvs():
    return [_type(KvType, "ledger", schemes=("ledger",))]

@hookimpl
def ostler_executors():
    return [_type(ExecutorType, "barn", "Fussy"), _type(ExecutorType, "vault")]
"""


@pytest.fixture
def host(install: Install) -> Host:
    install("acme", {"vault": SOURCE})
    return Host.discover()


def _settings(**overrides: object) -> Settings:
    return load_settings(os.devnull, {"HOME": "/home/ada"}, overrides)


def test_a_url(host: Host) -> None:
    resolved = resolve_storage(_settings(storage="vault:///srv/a%20b?size=3"), host)
    assert (resolved.plugin, resolved.type.name) == ("vault", "vault")
    assert resolved.settings.model_dump(include={"path", "size"}) == {"path": "/srv/a b", "size": 3}
    assert resolved.factory()(resolved.settings) == ("made", resolved.settings)


def test_a_table(host: Host) -> None:
    resolved = resolve_kv(_settings(kv={"type": "ledger", "path": "/srv", "size": 2}), host)
    assert resolved.settings.model_dump(include={"path", "size"}) == {"path": "/srv", "size": 2}


def test_a_name(host: Host) -> None:
    assert resolve_executor(_settings(executor="barn"), host).type.name == "barn"


def test_an_executor_may_be_a_url_of_its_name(host: Host) -> None:
    resolved = resolve_executor(_settings(executor="vault:///srv"), host)
    assert resolved.settings.model_dump(include={"path"}) == {"path": "/srv"}


def test_every_fault_of_a_type_is_told_at_once(host: Host) -> None:
    table = {"type": "vault", "path": "srv", "sise": 1, "size": "x"}
    with pytest.raises(BadRequest) as caught:
        resolve_storage(_settings(storage=table), host)
    assert caught.value.message == (
        "the settings of storage 'vault' (plugin 'vault') are wrong:\n"
        "- storage.path (--storage): must be absolute\n"
        "- storage.size (--storage): should be a valid integer, "
        "unable to parse string as an integer\n"
        "- storage.sise (--storage): there is no such setting (did you mean 'size'?)"
    )


def test_a_missing_setting_is_told(host: Host) -> None:
    with pytest.raises(BadRequest, match=r"storage\.path \(--storage\): is missing"):
        resolve_storage(_settings(storage="vault"), host)


def test_faults_show_no_secrets(host: Host) -> None:
    with pytest.raises(BadRequest) as caught:
        resolve_storage(_settings(storage="vault://srv?password=hunter2&size=hunter2"), host)
    assert "hunter2" not in f"{caught.value.message}{caught.value.details}"


def test_secrets_print_as_stars(host: Host) -> None:
    resolved = resolve_storage(_settings(storage="vault:///srv?password=hunter2"), host)
    assert "hunter2" not in repr(resolved)
    assert "hunter2" not in resolved.settings.model_dump_json()


def test_what_is_not_selectable_is_refused_unless_allowed(host: Host) -> None:
    with pytest.raises(BadRequest) as caught:
        resolve_storage(_settings(storage="cellar:///srv"), host)
    assert "plugins.allow_unselectable = true" in caught.value.message
    allowed = _settings(storage="cellar:///srv", **{"plugins.allow_unselectable": True})
    assert resolve_storage(allowed, host).type.name == "cellar"


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ("./here", BadRequest, r"is a path, not a URL .* write posix:///absolute/path"),
        ("nowhere://x", NotFound, r"no storage for URLs that begin with 'nowhere:' is installed"),
        ({"type": "nowhere"}, NotFound, r"no storage 'nowhere' is installed"),
        ("vault://[x", BadRequest, r"storage \(--storage\) is no URL"),
        ("fussy://x", BadRequest, r"does not suit storage 'fussy' .*: it has no URLs"),
        ("plain://x", Internal, r"plugin 'vault': .*:Plain' is no subclass of ostler.spi.Settings"),
    ],
)
def test_what_cannot_be_chosen(
    host: Host, choice: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        resolve_storage(_settings(storage=choice), host)


def test_the_settings_choose_the_plugins(install: Install) -> None:
    install("acme", {"one": SOURCE, "two": SOURCE})
    settings = _settings(**{"plugins.disabled": ["one"]})
    assert discover_host(settings).storage("vault").plugin == "two"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/prefix?region=eu", "s3://bucket/prefix?region=eu"),
        ("s3://key:hunter2@bucket", "s3://key:***@bucket"),
        ("s3://b?secret_access_key=hunter2&x=1", "s3://b?secret_access_key=***&x=1"),
        ("s3://b?access_token=hunter2", "s3://b?access_token=***"),
        ("s3://key:hunt/er@2@bucket/p", "s3://key:***@bucket/p"),
        ("s3://b?x=1&ACCESS_TOKEN=hunter2", "s3://b?x=1&ACCESS_TOKEN=***"),
        ("a+sftp://h/p?passphrase=hunter2&port=22", "a+sftp://h/p?passphrase=***&port=22"),
        ("abfs://c?connection_string=a=b;c=hunter2", "abfs://c?connection_string=***"),
        ("s3://b?a%6Beys=hunter2", "s3://b?a%6Beys=***"),
        ('s3://b?o={"token":"hunter2"}&x=1', "s3://b?o=***&x=1"),
        ("s3://b?o=%7B%22token%22:%22hunter2%22}", "s3://b?o=***"),
        ('s3://b?o={"region":"eu"}', 's3://b?o={"region":"eu"}'),
        ("s3://b?endpoint=http://keys:1", "s3://b?endpoint=http://keys:1"),
        ("local", "local"),
        ("vault:///srv?token=hunter2", "vault:///srv?token=***"),
        ("posix:/srv", "posix:/srv"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, expected: str) -> None:
    assert redact_url(url) == expected
