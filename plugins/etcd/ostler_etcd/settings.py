from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ostler.spi import Settings

__all__ = ["EtcdSettings"]

_PORT = 2379


def _endpoint(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_PORT)
    if not host or "/" in host or not port.isascii() or not port.isdigit():
        raise ValueError(f"{text!r} is no host:port")
    if ":" in host and not host.startswith("["):
        raise ValueError(f"{text!r}: write an IPv6 address in brackets, as in [::1]:2379")
    return f"{host}:{port}"


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class EtcdSettings(Settings):
    """Settings of a store on an etcd v3 cluster.

    :param endpoints: ``host:port`` of members; the first one that answers is used.
    :param prefix: goes before every key; give each instance its own.
    :param user: when etcd's authentication is on; with ``password``.
    :param tls: speak TLS; the following three need it.
    :param ca: file with the certificates to trust; empty: the system's.
    :param cert: file with the client's certificate; with ``key``.
    :param key: file with its private key.
    :param request_timeout: seconds until a request that is not answered is given up.
    :param dial_timeout: seconds to look for a member that can be reached.
    :param keepalive_time: seconds of silence after which a connection is tested;
        etcd refuses less than its ``--grpc-keepalive-min-time``, 5 s by default.
    :param keepalive_timeout: seconds until a test that is not answered ends the connection.
    :param max_operations: the server's ``--max-txn-ops``.
    :param max_request_size: the server's ``--max-request-bytes``.
    """

    endpoints: tuple[Endpoint, ...] = Field(min_length=1)
    prefix: str = Field(default="", max_length=512)
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    request_timeout: float = Field(default=5.0, gt=0, le=600)
    dial_timeout: float = Field(default=1.0, gt=0, le=600)
    keepalive_time: float = Field(default=10.0, ge=0.1, le=7200)
    keepalive_timeout: float = Field(default=5.0, ge=0.1, le=600)
    max_operations: int = Field(default=128, ge=1)
    max_request_size: int = Field(default=1_572_864, ge=64 << 10)

    @classmethod
    def from_url(cls, url: SplitResult) -> Mapping[str, Any]:
        """Take ``etcd://[user:password@]host[:port][,host[:port]…][/prefix][?setting=value…]``.

        ``etcds`` is the same with TLS. The path, with one ``/`` at each end, is the prefix.
        """
        fields: dict[str, Any] = dict(parse_qsl(url.query, keep_blank_values=True))
        login, at, hosts = url.netloc.rpartition("@")
        if at:
            user, _, password = login.partition(":")
            fields |= {"user": unquote(user), "password": unquote(password)}
        if hosts:
            fields["endpoints"] = tuple(unquote(hosts).split(","))
        if path := unquote(url.path).strip("/"):
            fields["prefix"] = f"/{path}/"
        if url.scheme == "etcds":
            fields["tls"] = True
        return fields

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if bool(self.cert) != bool(self.key):
            raise ValueError("cert and key belong together: give both or none")
        if (self.ca or self.cert) and not self.tls:
            raise ValueError("ca, cert and key need TLS: set tls = true, or use etcds://")
        if bool(self.user) != bool(self.password.get_secret_value()):
            raise ValueError("user and password belong together: give both or none")
        return self
