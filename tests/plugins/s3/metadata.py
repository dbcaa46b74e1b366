"""Where a machine's or a container's temporary keys come from, on the loopback.

The real ones have addresses that only their clouds route, so this stands for them:
it speaks as much of IMDSv2 and of the container's endpoint as the chain asks for.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

from ...http_server import HttpServer

__all__ = ["SECRET", "KeyServer"]

SECRET = "hunter2-secret"
SESSION = "session-of-imds"
_ROLES = "/latest/meta-data/iam/security-credentials/"


class KeyServer(HttpServer):
    """Hands out keys that are numbered, ``ASIA-1`` first.

    :param lifetime: of the keys.
    :param broken: answer that nothing works, and tell a secret with it.
    """

    def __init__(self, lifetime: timedelta = timedelta(hours=6), *, broken: bool = False) -> None:
        self.lifetime, self.broken = lifetime, broken
        self.given = 0
        self.authorizations: list[str | None] = []
        super().__init__(_handler(self))

    def keys(self) -> bytes:
        self.given += 1
        expiry = datetime.now(UTC) + self.lifetime
        return json.dumps(
            {
                "Code": "Success",
                "AccessKeyId": f"ASIA-{self.given}",
                "SecretAccessKey": SECRET,
                "Token": f"token-{self.given}",
                "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ).encode()


def _handler(keys: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked = self.path == "/latest/api/token"
            self._answer(200 if asked else 404, SESSION.encode() if asked else b"")

        def do_GET(self) -> None:
            if keys.broken:
                self._answer(500, SECRET.encode())
            elif self.path == "/container":
                keys.authorizations.append(self.headers["authorization"])
                self._answer(200, keys.keys())
            elif self.headers["x-aws-ec2-metadata-token"] != SESSION:
                self._answer(401, b"")  # IMDSv1 is not spoken
            else:
                self._answer(200, keys.keys() if self.path != _ROLES else b"ostler-role")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
