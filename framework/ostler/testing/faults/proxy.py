"""The proxy as a test uses it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from ostler.errors import BadRequest

from .log import Log
from .plans import Plan

if TYPE_CHECKING:
    from .app import FaultApp
    from .serving import Serving

__all__ = ["FaultProxy"]


class FaultProxy:
    """Stands in front of an HTTP server, on a free port of the loopback, in a thread of its own.

    A context manager; it may be entered once. What a plan or a fault of your
    own raises comes out when it is left.

    :param server: the URL of the real one, such as ``http://127.0.0.1:9000``.
    :param plan: which request meets which fault; None: all are let through.
        The attribute may be set at any time, for the requests that follow.
    :raises BadRequest: the URL is no ``http://host:port``, or a package is missing.
    """

    def __init__(self, server: str, plan: Plan | None = None) -> None:
        app_type, serving_type = _load()
        self._app = app_type(_address(server), plan)
        self._serving: Serving = serving_type(self._app)

    @property
    def url(self) -> str:
        """Where clients reach it; without a ``/`` at the end."""
        return f"http://127.0.0.1:{self._serving.port}"

    @property
    def log(self) -> Log:
        """What came through."""
        return self._app.log

    @property
    def plan(self) -> Plan | None:
        """The plan in force."""
        return self._app.plan

    @plan.setter
    def plan(self, plan: Plan | None) -> None:
        self._app.plan = plan

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.stop()
        if self._app.error is not None and error is None:
            raise self._app.error


def _load() -> tuple[type[FaultApp], type[Serving]]:
    try:
        from .app import FaultApp
        from .serving import Serving
    except ImportError as error:
        raise BadRequest(
            f"the fault-injecting proxy needs a package that is not installed ({error.name}): "
            "pip install 'ostler[testing]'",
            code="missing_package",
        ) from error
    return FaultApp, Serving


def _address(server: str) -> tuple[str, int]:
    url = urlsplit(server)
    if url.scheme != "http" or not url.hostname or url.path not in ("", "/"):
        raise BadRequest(f"{server!r} is no server for a proxy: give http://host:port")
    return url.hostname, url.port or 80
