"""Where keys come from, and that they reach the server by both clients: obstore, and s3fs beside it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ostler.clock import SystemClock
from ostler.errors import BadRequest, Unauthorized
from ostler.ost import ObjectStorage
from ostler.testing.faults import FaultProxy
from ostler_s3 import credentials
from ostler_s3.credentials import find_access
from ostler_s3.driver import S3Storage
from ostler_s3.settings import S3Settings

from .conftest import Connect, Place
from .metadata import SECRET, KeyServer

PLAIN: dict[str, Any] = {
    "access_key_id": "",
    "secret_access_key": "",
    "stale_upload_age": 0,
    "exclusive_put": True,
    "ordered_list": True,
    "retry_timeout": 0,
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "of-environment",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "token-of-environment",
}
FILES = {
    "credentials": f"""\
[default]
aws_access_key_id = of-default
aws_secret_access_key = {SECRET}
[ci]
aws_access_key_id = of-ci
aws_secret_access_key = {SECRET}
aws_session_token = token-of-ci
""",
    "config": """\
[default]
region = eu-west-3
[profile ci]
region = eu-central-1
endpoint_url = http://127.0.0.1:9/
[profile served]
services = mine
endpoint_url = http://127.0.0.1:8
[services mine]
s3 =
  endpoint_url = http://127.0.0.1:7
""",
}

Sent = set[tuple[str, str | None]]
SetEnvironment = Callable[..., None]


@pytest.fixture(autouse=True)
def set_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetEnvironment:
    """Forget what this machine knows of AWS; return what sets variables."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)

    def set_all(variables: Mapping[str, str] = {}, **more: str) -> None:
        for name, value in {**variables, **more}.items():
            monkeypatch.setenv(name, value)

    set_all(
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_EC2_METADATA_DISABLED="true",
    )
    return set_all


@pytest.fixture
def shared_files(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


@pytest.fixture
def open_(place: Place, proxy: FaultProxy, connect: Connect) -> Callable[..., S3Storage]:
    """Open a driver on moto, through the proxy, with no keys in its settings but those given."""
    return lambda **settings: connect(place, endpoint_url=proxy.url, **{**PLAIN, **settings})


def by_both_clients(driver: S3Storage) -> None:
    storage = ObjectStorage(driver, clock=SystemClock())
    storage.put("k", b"data")
    assert storage.read("k") == b"data"
    assert list(driver.admin.uploads()) == []


def sent(proxy: FaultProxy) -> Sent:
    """The access keys and session tokens that were seen."""
    found: Sent = set()
    for record in proxy.log.records:
        key = re.search("Credential=([^/]+)/", record.request.header("authorization") or "")
        found.add((key[1] if key else "", record.request.header("x-amz-security-token")))
    assert len(proxy.log.records) >= 2
    return found


def test_settings(open_: Callable[..., S3Storage], proxy: FaultProxy) -> None:
    by_both_clients(open_(access_key_id="mine", secret_access_key=SECRET, session_token="token"))
    assert sent(proxy) == {("mine", "token")}


@pytest.mark.usefixtures("shared_files")
def test_settings_go_before_all_else_and_are_not_mixed_with_it(
    open_: Callable[..., S3Storage], proxy: FaultProxy, set_environment: SetEnvironment
) -> None:
    """A token of the environment does not belong to the keys of the settings."""
    set_environment(ENVIRONMENT, AWS_PROFILE="ci")
    by_both_clients(open_(access_key_id="mine", secret_access_key=SECRET))
    assert sent(proxy) == {("mine", None)}


@pytest.mark.usefixtures("shared_files")
def test_environment(
    open_: Callable[..., S3Storage], proxy: FaultProxy, set_environment: SetEnvironment
) -> None:
    set_environment(ENVIRONMENT, AWS_PROFILE="ci")
    by_both_clients(open_())
    assert sent(proxy) == {("of-environment", "token-of-environment")}


@pytest.mark.usefixtures("shared_files")
def test_the_profile_of_the_settings_goes_before_the_environment(
    open_: Callable[..., S3Storage], proxy: FaultProxy, set_environment: SetEnvironment
) -> None:
    set_environment(ENVIRONMENT)
    by_both_clients(open_(profile="ci"))
    assert sent(proxy) == {("of-ci", "token-of-ci")}


@pytest.mark.usefixtures("shared_files")
@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, ("of-default", None)), ({"AWS_PROFILE": "ci"}, ("of-ci", "token-of-ci"))],
    ids=["default", "AWS_PROFILE"],
)
def test_shared_files(
    open_: Callable[..., S3Storage],
    proxy: FaultProxy,
    set_environment: SetEnvironment,
    variables: Mapping[str, str],
    expected: tuple[str, str | None],
) -> None:
    set_environment(variables)
    by_both_clients(open_())
    assert sent(proxy) == {expected}


def test_web_identity(
    open_: Callable[..., S3Storage],
    proxy: FaultProxy,
    place: Place,
    set_environment: SetEnvironment,
    tmp_path: Path,
) -> None:
    """Of a pod, or of a job of a CI: moto's STS gives keys for the token of the file."""
    (tmp_path / "token").write_text("of-the-identity-provider")
    set_environment(
        AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
        AWS_ROLE_ARN="arn:aws:iam::123456789012:role/ostler",
        AWS_ENDPOINT_URL_STS=place.server.endpoint_url,
        AWS_REGION="us-east-1",
    )
    by_both_clients(open_())
    for key, token in sent(proxy):
        assert key.startswith("ASIA")
        assert token


def test_container(
    open_: Callable[..., S3Storage], proxy: FaultProxy, set_environment: SetEnvironment
) -> None:
    with KeyServer() as keys:
        set_environment(
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{keys.url}/container",
            AWS_CONTAINER_AUTHORIZATION_TOKEN="of-the-container",
        )
        by_both_clients(open_())
    assert sent(proxy) == {("ASIA-1", "token-1"), ("ASIA-2", "token-2")}  # each client asks
    assert keys.authorizations == ["of-the-container"] * 2


def test_instance(
    open_: Callable[..., S3Storage], proxy: FaultProxy, set_environment: SetEnvironment
) -> None:
    """A machine's role, by a server that speaks IMDSv2: there is no real one outside of AWS."""
    with KeyServer() as keys:
        set_environment(
            AWS_EC2_METADATA_SERVICE_ENDPOINT=keys.url, AWS_EC2_METADATA_DISABLED="false"
        )
        by_both_clients(open_())
    assert sent(proxy) == {("ASIA-1", "token-1"), ("ASIA-2", "token-2")}


def test_temporary_keys_are_renewed_before_they_expire(set_environment: SetEnvironment) -> None:
    with KeyServer(timedelta(minutes=1)) as keys:
        set_environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{keys.url}/container")
        provider = find_access(S3Settings(bucket="ostler")).provider
        assert provider is not None
        first, second = provider(), provider()
    assert first["token"] != second["token"] == f"token-{keys.given}"
    assert first["expires_at"] <= datetime.now(UTC) + timedelta(minutes=5)


def test_renewed_keys_are_used(
    open_: Callable[..., S3Storage],
    proxy: FaultProxy,
    set_environment: SetEnvironment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a driver that lives longer than its keys: here they expire at once."""
    monkeypatch.setattr(credentials, "_TTL", timedelta(0))
    with KeyServer(timedelta(minutes=1)) as keys:
        set_environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{keys.url}/container")
        storage = ObjectStorage(open_(), clock=SystemClock())
        for number in range(3):
            storage.put(f"k{number}", b"data")
    assert len(sent(proxy)) == 3


def test_anonymous(
    open_: Callable[..., S3Storage],
    proxy: FaultProxy,
    place: Place,
    set_environment: SetEnvironment,
) -> None:
    """No keys are sent, whatever the environment has."""
    set_environment(ENVIRONMENT)
    place.server.client.put_object(Bucket=place.bucket, Key="k", Body=b"data", ACL="public-read")
    driver = open_(anonymous=True)
    assert ObjectStorage(driver, clock=SystemClock()).read("k") == b"data"
    assert list(driver.admin.uploads()) == []
    assert sent(proxy) == {("", None)}


@pytest.mark.usefixtures("set_environment")
def test_nobody_has_keys(open_: Callable[..., S3Storage]) -> None:
    with pytest.raises(Unauthorized, match="there are no keys to sign with") as caught:
        open_().stat("k")
    assert caught.value.code == "no_credentials"
    assert "or set anonymous = true" in caught.value.message


@pytest.mark.usefixtures("shared_files")
def test_a_profile_that_does_not_exist() -> None:
    with pytest.raises(BadRequest, match=r"shared files of AWS do not serve.*nobody"):
        find_access(S3Settings(bucket="ostler", profile="nobody"))


@pytest.mark.usefixtures("shared_files")
@pytest.mark.parametrize(
    ("fields", "variables", "expected"),
    [
        ({}, {}, ("", "eu-west-3")),
        ({"region": "mine"}, {"AWS_REGION": "x"}, ("", "mine")),
        ({}, {"AWS_REGION": "x", "AWS_DEFAULT_REGION": "y"}, ("", "x")),
        ({}, {"AWS_DEFAULT_REGION": "y"}, ("", "y")),
        ({"profile": "ci"}, {}, ("http://127.0.0.1:9", "eu-central-1")),
        ({}, {"AWS_PROFILE": "ci"}, ("http://127.0.0.1:9", "eu-central-1")),
        ({}, {"AWS_PROFILE": "ci", **ENVIRONMENT}, ("http://127.0.0.1:9", "eu-central-1")),
        ({"anonymous": True}, {"AWS_PROFILE": "ci"}, ("http://127.0.0.1:9", "eu-central-1")),
        ({"profile": "served"}, {}, ("http://127.0.0.1:7", "us-east-1")),
        ({"profile": "ci"}, {"AWS_ENDPOINT_URL": "http://e/"}, ("http://e", "eu-central-1")),
        (
            {},
            {"AWS_ENDPOINT_URL": "http://e", "AWS_ENDPOINT_URL_S3": "http://s"},
            ("http://s", "eu-west-3"),
        ),
        (
            {"endpoint_url": "http://mine"},
            {"AWS_ENDPOINT_URL_S3": "http://s"},
            ("http://mine", "eu-west-3"),
        ),
    ],
)
def test_server_and_region(
    fields: Mapping[str, Any],
    variables: Mapping[str, str],
    expected: tuple[str, str],
    set_environment: SetEnvironment,
) -> None:
    set_environment(variables)
    access = find_access(S3Settings.model_validate({"bucket": "ostler", **fields}))
    assert (access.endpoint_url, access.region) == expected
    assert access.aws == (not expected[0])


def test_without_anything_it_is_aws() -> None:
    access = find_access(S3Settings(bucket="ostler", anonymous=True))
    assert (access.endpoint_url, access.region, access.keys) == ("", "us-east-1", None)


def test_nothing_secret_is_told(
    open_: Callable[..., S3Storage],
    set_environment: SetEnvironment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of the chain that fails, and tells something secret; of keys; of what is logged at any level."""
    caplog.set_level(logging.DEBUG, logger="ostler")
    with KeyServer(broken=True) as keys:
        set_environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{keys.url}/container")
        driver = open_()
        with pytest.raises(Unauthorized) as caught:
            driver.stat("k")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("ostler")]
    told = f"{caught.value!r} {caught.value} {driver!r} {vars(driver)!r} {ours}"
    set_environment(ENVIRONMENT)
    access = find_access(driver.settings)
    assert SECRET not in f"{told} {access!r} {access.keys!r}"
