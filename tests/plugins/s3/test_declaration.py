from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import ostler_s3
from ostler.errors import BadRequest
from ostler.host import Host
from ostler.settings import load_settings, redact_url, resolve_storage
from ostler.spi.info import SPI_VERSION, load_reference
from ostler_s3.settings import GIB, MIB, S3Settings

LARGEST = 5 << 40
KEYS = {"access_key_id": "AKIA", "secret_access_key": "hunter2"}


def test_declares_one_type_that_can_be_loaded() -> None:
    (declared,) = ostler_s3.ostler_storages()
    assert (declared.name, declared.schemes) == ("s3", ("s3",))
    assert load_reference(declared.settings) is S3Settings
    assert callable(load_reference(declared.factory))
    assert ostler_s3.ostler_spi_version == SPI_VERSION


def test_its_scheme_is_found() -> None:
    assert Host.discover().storage_for_scheme("s3").type.name == "s3"


def settings_of(url: str) -> S3Settings:
    return S3Settings.model_validate(S3Settings.from_url(urlsplit(url)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://ostler", {"bucket": "ostler"}),
        ("s3://ostler/", {"bucket": "ostler"}),
        ("s3://ostler/ci/team%20a/", {"bucket": "ostler", "prefix": "ci/team a/"}),
        ("s3://ostler/ci", {"bucket": "ostler", "prefix": "ci"}),
        ("s3://AKIA:hunter2@ostler", {"bucket": "ostler", **KEYS}),
        (
            "s3://AKIA:a%2Fb%40c%3Ad@ostler/ci",
            {
                "bucket": "ostler",
                "prefix": "ci/",
                "access_key_id": "AKIA",
                "secret_access_key": "a/b@c:d",
            },
        ),
        (
            "s3://ostler?endpoint_url=http://127.0.0.1:9000/&region=eu-west-1&addressing=path",
            {
                "bucket": "ostler",
                "endpoint_url": "http://127.0.0.1:9000",
                "region": "eu-west-1",
                "addressing": "path",
            },
        ),
        (
            "s3://ostler?anonymous=true&exclusive_put=auto&ordered_list=false&part_size=5242880",
            {
                "bucket": "ostler",
                "anonymous": True,
                "exclusive_put": "auto",
                "ordered_list": False,
                "part_size": 5 * MIB,
            },
        ),
        ("s3://ostler?read_timeout=1.5&profile=ci", {"read_timeout": 1.5, "profile": "ci"}),
    ],
)
def test_url(url: str, expected: dict[str, Any]) -> None:
    assert settings_of(url) == S3Settings.model_validate({"bucket": "ostler", **expected})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"bucket": None}, "valid string"),
        ({"bucket": "ab"}, "at least 3"),
        ({"prefix": "a//b"}, "must not be empty"),
        ({"prefix": "a/../b"}, "must not be empty, '.' or '..'"),
        ({"prefix": "p" * 513}, "at most 512"),
        ({"endpoint_url": "127.0.0.1:9000"}, "does not begin with http"),
        ({"addressing": "host"}, "'auto', 'path' or 'virtual'"),
        ({"access_key_id": "AKIA"}, "belong together"),
        ({"secret_access_key": "hunter2"}, "belong together"),
        ({"session_token": "token"}, "session_token belongs to access_key_id"),
        ({"anonymous": True, **KEYS}, "anonymous excludes"),
        ({"anonymous": True, "profile": "ci"}, "anonymous excludes"),
        ({"profile": "ci", **KEYS}, "profile excludes access_key_id"),
        ({"checksums": "never"}, "'when_supported' or 'when_required'"),
        ({"part_size": 5 * MIB - 1}, "greater than or equal"),
        ({"part_size": GIB + 1}, "less than or equal"),
        ({"part_size": 9 * MIB, "max_part_size": 8 * MIB}, "part_size is more than max_part_size"),
        ({"max_part_size": 5 * GIB + 1}, "less than or equal"),
        (
            {"max_part_size": 8 * MIB, "max_unknown_size": 80_000 * MIB + 1},
            "max_unknown_size is more than 10000 parts",
        ),
        ({"max_unknown_size": 0}, "greater than or equal"),
        ({"concurrency": 0}, "greater than or equal"),
        ({"concurrency": 129}, "less than or equal"),
        ({"connect_timeout": 0}, "greater than 0"),
        ({"read_timeout": 0}, "greater than 0"),
        ({"request_timeout": 0}, "greater than 0"),
        ({"retry_timeout": -1}, "greater than or equal"),
        ({"stale_upload_age": -1}, "greater than or equal"),
        ({"exclusive_put": "maybe"}, "exclusive_put"),
        ({"server_side_encryption": "rot13"}, "'AES256'"),
        ({"sse_kms_key_id": "key"}, "needs server_side_encryption"),
        ({"sse_kms_key_id": "key", "server_side_encryption": "AES256"}, "needs"),
        ({"buckett": "ostler"}, "Extra inputs"),
    ],
)
def test_wrong_settings(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        S3Settings.model_validate({"bucket": "ostler", **wrong})


def test_wrong_settings_are_refused_without_their_secrets(tmp_path: Path) -> None:
    lines = ["[storage]", 'type = "s3"', 'bucket = "ostler"', 'secret_access_key = "hunter2"']
    (tmp_path / "ostler.toml").write_text("\n".join(lines))
    settings = load_settings(str(tmp_path / "ostler.toml"), environ={})
    with pytest.raises(BadRequest, match="access_key_id and secret_access_key belong") as caught:
        resolve_storage(settings, Host.discover())
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:hunter2@ostler/p",
        "s3://ostler?access_key_id=AKIA&secret_access_key=hunter2",
        "s3://AKIA:x@ostler?session_token=hunter2",
        "s3://ostler?proxy=http://me:hunter2@proxy:3128",
    ],
)
def test_secrets_are_never_printed(url: str) -> None:
    settings = settings_of(url)
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "hunter2" not in redact_url(url)


@st.composite
def _settings_and_sizes(draw: st.DrawFn) -> tuple[S3Settings, int]:
    most = draw(st.integers(5 * MIB, 5 * GIB))
    part = draw(st.integers(5 * MIB, min(most, GIB)))
    fields = {
        "bucket": "ostler",
        "part_size": part,
        "max_part_size": most,
        "max_unknown_size": 1,
    }
    settings = S3Settings.model_validate(fields)
    whole = 10_000 * part
    near = st.integers(-2, 2).map(lambda extra: min(max(0, whole + extra), max_size))
    max_size = settings.max_object_size
    return settings, draw(near | st.just(max_size) | st.integers(0, max_size))


@given(_settings_and_sizes())
def test_parts(drawn: tuple[S3Settings, int]) -> None:
    """As S3 wants them: at most 10,000, the last one excepted of one size, which both limits bound."""
    settings, size = drawn
    part = settings.part_size_for(size)
    assert settings.part_size <= part <= settings.max_part_size
    assert -(-size // part) <= 10_000
    if size <= 10_000 * settings.part_size:
        assert part == settings.part_size


def test_sizes_follow() -> None:
    assert S3Settings(bucket="ostler").max_object_size == LARGEST
    small = S3Settings(bucket="ostler", max_part_size=8 * MIB)
    assert small.max_object_size == 80_000 * MIB
    default = S3Settings(bucket="ostler")
    assert default.part_size_for(default.max_unknown_size) == 8 * MIB
    assert default.part_size_for(80_000 * MIB + 1) == 9 * MIB
