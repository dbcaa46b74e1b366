"""Who the driver is to etcd: a token for a user and a password, renewed when it is refused."""

from __future__ import annotations

import threading

import grpc

from . import wire_pb2 as wire
from .link import Link, Metadata
from .methods import AUTHENTICATE
from .settings import EtcdSettings

__all__ = ["Identity"]

_BASE: Metadata = (("hasleader", "true"),)
"""A member that has lost the others says so at once, and ends its watches."""


class Identity:
    """The metadata of every call. Without a user there is no token."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._user, self._password = settings.user, settings.password
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None if self._user else _BASE

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be replaced by another one."""
        return bool(self._user)

    def metadata(self, link: Link) -> Metadata:
        """Return the metadata, with a token that is fetched when there is none.

        :raises grpc.RpcError: it cannot be fetched.
        """
        return self._metadata or self.renew(None, link)

    def renew(self, refused: Metadata | None, link: Link) -> Metadata:
        """Return metadata with another token than the one that was refused; one thread fetches it for all.

        :raises grpc.RpcError: it cannot be fetched.
        """
        with self._lock:
            if self._metadata is None or self._metadata is refused:
                self._metadata = _BASE + self._authenticate(link)
            return self._metadata

    def _authenticate(self, link: Link) -> Metadata:
        password = self._password.get_secret_value()
        request = wire.AuthenticateRequest(name=self._user, password=password)
        try:
            return (("token", link.call(AUTHENTICATE, request, _BASE).token),)
        except grpc.RpcError as error:
            if "not enabled" in str(error.details()):
                return ()  # whoever asks is let in; should that change, the next call is refused
            raise
