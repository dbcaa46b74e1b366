"""The proxy in front of S3 servers that check what was signed, with a client that knows nothing of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from ostler.testing.faults import (
    CutBody,
    Duplicate,
    Fault,
    FaultProxy,
    LoseAnswer,
    Reset,
    Status,
    always,
    first,
    s3_error,
)

from ...s3_servers import S3Server

KEYS = [
    "plain",
    "a/b/c",
    "q?versionId=1",
    "a b+c",
    "%41",
    "a%2Fb",
    "été/ü",
    "~*'();:@&=$,!#[]",
    "a//b",
]


@pytest.fixture(params=["moto", "seaweed", pytest.param("ceph", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bucket(server: S3Server) -> str:
    return server.make_bucket(f"bucket-{uuid.uuid4().hex}")


@pytest.fixture
def proxy(server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def client(server: S3Server, proxy: FaultProxy) -> Iterator[Any]:
    client = server.connect(endpoint_url=proxy.url)
    yield client
    client.close()


def code_of(error: Any) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_signed_requests_stay_valid(
    server: S3Server, bucket: str, proxy: FaultProxy, client: Any
) -> None:
    # SeaweedFS stores `a//b` as `a/b`.
    keys = [key for key in KEYS if key != "a//b" or server.name != "seaweed"]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode() * 1000)
    assert sorted(server.keys(bucket)) == sorted(keys)
    for key in keys:
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode() * 1000
        assert (
            client.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode()) * 1000
        )
    listed = client.list_objects_v2(Bucket=bucket, Prefix="é", Delimiter="/")
    assert [each["Prefix"] for each in listed["CommonPrefixes"]] == ["été/"]
    assert proxy.log.count(faulty=True) == 0


def test_a_multipart_upload(server: S3Server, bucket: str, client: Any) -> None:
    part = bytes(range(256)) * (5 << 12)
    upload = {"Bucket": bucket, "Key": "large"}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    assert server.uploads(bucket) == ["large"]
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(**upload, PartNumber=n, Body=part)["ETag"]}
        for n in (1, 2)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert server.read(bucket, "large") == part * 2
    assert server.uploads(bucket) == []


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_client_understands_the_error(
    bucket: str, proxy: FaultProxy, client: Any, code: str
) -> None:
    from botocore.exceptions import ClientError

    proxy.plan = always(s3_error(code))
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="k", Body=b"1" * 100_000)
    assert code_of(error) == code
    assert proxy.log.count("PUT", "/k$", fault=Status) == 1


@pytest.mark.parametrize(
    ("fault", "stored"), [(LoseAnswer(), ["k"]), (Reset(), [])], ids=["lost", "reset"]
)
def test_what_is_lost_was_done_and_what_is_reset_was_not(
    server: S3Server, bucket: str, proxy: FaultProxy, client: Any, fault: Fault, stored: list[str]
) -> None:
    from botocore.exceptions import ConnectionClosedError, HTTPClientError

    proxy.plan = first(1, fault, method="PUT")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert {key: server.read(bucket, key) for key in server.keys(bucket)} == dict.fromkeys(
        stored, b"1"
    )


@pytest.mark.parametrize("reset", [True, False])
def test_a_body_that_is_cut_is_noticed(
    bucket: str, proxy: FaultProxy, client: Any, reset: bool
) -> None:
    from botocore.exceptions import HTTPClientError, IncompleteReadError
    from urllib3.exceptions import ProtocolError

    client.put_object(Bucket=bucket, Key="k", Body=b"1" * 100_000)
    proxy.plan = always(CutBody(0.5, reset=reset), method="GET")
    body = client.get_object(Bucket=bucket, Key="k")["Body"]
    with pytest.raises((HTTPClientError, IncompleteReadError, ProtocolError)):
        body.read()


def test_a_signed_request_sent_twice(
    server: S3Server, bucket: str, proxy: FaultProxy, client: Any
) -> None:
    proxy.plan = always(Duplicate())
    client.put_object(Bucket=bucket, Key="k", Body=b"1" * 100_000)
    assert server.read(bucket, "k") == b"1" * 100_000
    client.delete_object(Bucket=bucket, Key="k")
    assert server.keys(bucket) == []
    assert [each.forwarded for each in proxy.log.records] == [2, 2]
