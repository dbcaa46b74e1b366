from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from ostler.settings import redact_url
from ostler_fsspec.settings import FsspecSettings, revealed


def from_url(url: str) -> FsspecSettings:
    return FsspecSettings.model_validate(FsspecSettings.from_url(urlsplit(url)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("fsspec+gs://bucket/a/b", {"protocol": "gs", "path": "bucket/a/b"}),
        ("fsspec+memory://", {"protocol": "memory"}),
        ("fsspec+file:///srv/a%20b", {"protocol": "file", "path": "/srv/a b"}),
        (
            "fsspec+sftp://me:p%40ss@host:22/dir",
            {"protocol": "sftp", "path": "host:22/dir", "user": "me", "password": "p@ss"},
        ),
        (
            "fsspec+s3://b?anon=true&retries=3&wait=1.5&region=null&endpoint_url=http://h:1",
            {
                "protocol": "s3",
                "path": "b",
                "options": {
                    "anon": True,
                    "retries": 3,
                    "wait": 1.5,
                    "region": None,
                    "endpoint_url": "http://h:1",
                },
            },
        ),
        (
            'fsspec+s3://b?client_kwargs={"region_name":"eu"}&secret=0123&token=true',
            {
                "protocol": "s3",
                "path": "b",
                "options": {
                    "client_kwargs": {"region_name": "eu"},
                    "secret": SecretStr("0123"),
                    "token": SecretStr("true"),
                },
            },
        ),
    ],
)
def test_url(url: str, expected: dict[str, Any]) -> None:
    assert from_url(url) == FsspecSettings.model_validate(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"protocol": ""},
        {"protocol": "a b"},
        {"protocol": "x+y"},
        {"protocol": "simplecache"},
        {"protocol": "zip", "path": ":file:///x.zip"},
        {"protocol": "zip", "path": "a::b"},
        {"protocol": "s3", "path": "b/a?x"},
        {"protocol": "s3", "path": "b/a#x"},
        {"protocol": "sftp", "path": "h/x", "password": "p"},
        {"protocol": "sftp", "hots": "h"},
    ],
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FsspecSettings.model_validate(wrong)


def test_an_option_that_begins_like_json_and_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="client_kwargs begins like JSON"):
        from_url("fsspec+s3://b?client_kwargs={region}")


def test_secrets_are_never_printed() -> None:
    options = {
        "secret": "hunter2",
        "key": "hunter3",
        "client_kwargs": {"aws_session_token": "hunter4", "region_name": "eu"},
        "token": {"type": "service_account", "data": ["hunter5"]},
    }
    settings = FsspecSettings(
        protocol="s3", path="b", user="u", password=SecretStr("hunter1"), options=options
    )
    told = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter" not in told
    assert "eu" in told
    assert revealed(settings.options) == options


def test_a_url_is_shown_without_its_secrets() -> None:
    url = (
        "fsspec+sftp://u:hunter2@h/p?passphrase=hunter3&secret=hunter4&key=hunter5"
        '&client_kwargs={"aws_session_token":"hunter6"}&sas=hunter7'
    )
    assert "hunter" not in redact_url(url)
