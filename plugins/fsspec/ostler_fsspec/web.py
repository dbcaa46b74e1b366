"""Files of a web server, which are read only."""

from __future__ import annotations

from ostler.errors import BadRequest
from ostler.spi.storage import Capabilities, ObjectInfo, Readable

from .general import NOTHING, GeneralBackend

__all__ = ["HttpBackend"]


class HttpBackend(GeneralBackend):
    """Keys go into URLs as they are, where some characters mean something else."""

    clients_most = 0
    name = "http"
    forbidden = ("?", "#", "%")

    def find_out(self) -> Capabilities:
        return NOTHING

    def put(
        self, path: str, key: str, source: Readable, size: int | None, *, exclusive: bool
    ) -> ObjectInfo:
        raise BadRequest(f"cannot store {key!r}: a web server is read only", code="not_supported")
