"""From settings to a file system of fsspec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fsspec.dircache import DirCache
from fsspec.registry import get_filesystem_class, known_implementations

from ostler.errors import BadRequest

from .failures import translated
from .general import GeneralBackend
from .known import backend_of
from .settings import FsspecSettings, revealed

__all__ = ["open_backend"]


def open_backend(settings: FsspecSettings) -> GeneralBackend:
    """Connect to the file system that the settings name.

    :raises BadRequest: fsspec knows none of that name, a package is missing, or the options are wrong.
    :raises Unauthorized: the credentials were refused.
    :raises Unavailable: it cannot be reached now.
    """
    found = _class_of(settings.protocol)
    url = _url(settings)
    with translated(f"read the path of {settings.protocol}://{settings.path}"):
        root = str(found._strip_protocol(url))
        options = dict(found._get_kwargs_from_urls(url))
    options |= _login(settings, options)
    backend = backend_of(found)
    options |= backend.options(revealed(settings.options))

    def connect() -> Any:
        with translated(f"open the file system {settings.protocol}://{settings.path}"):
            return _connected(found, options, settings.protocol)

    return backend(connect, root)


def _class_of(protocol: str) -> Any:
    try:
        return get_filesystem_class(protocol)
    except ImportError as error:
        known = known_implementations.get(protocol, {})
        advice = known.get("err") or f"install the package of {known.get('class', protocol)!r}"
        raise BadRequest(
            f"fsspec's file system for {protocol!r} needs a package that is not installed: "
            f"{advice} ({error.__cause__ or error})",
            code="not_installed",
        ) from error
    except ValueError as error:
        raise BadRequest(
            f"fsspec knows no protocol {protocol!r}: check the name, or install the package that "
            "registers it",
            code="not_installed",
        ) from error


def _connected(found: Any, options: dict[str, Any], protocol: str) -> Any:
    """Make a file system object of our own: fsspec's cached ones are whoever else's, too."""
    try:
        fs = found(**options, skip_instance_cache=True)
    except (TypeError, ValueError, KeyError) as error:
        raise BadRequest(
            f"fsspec's file system for {protocol!r} does not take the options "
            f"{', '.join(sorted(options)) or '(none)'}: {error}"
        ) from error
    cache = getattr(fs, "dircache", None)
    if isinstance(cache, DirCache):
        cache.use_listings_cache = False
    return fs


def _login(settings: FsspecSettings, options: Mapping[str, Any]) -> Mapping[str, str]:
    """Return user and password under the names that the protocol has for them, decoded, as it does not."""
    plain = {
        "username": settings.user,
        "user": settings.user,
        "password": settings.password.get_secret_value(),
    }
    found = {name: text for name, text in plain.items() if name in options}
    if settings.user and not found:
        raise BadRequest(
            f"URLs of {settings.protocol} name no user: give the options of its file system instead"
        )
    return found


def _url(settings: FsspecSettings) -> str:
    """Put the URL together again, as fsspec takes it: with the path as it is."""
    login = ""
    if settings.user:
        password = quote(settings.password.get_secret_value(), safe="")
        login = f"{quote(settings.user, safe='')}{':' if password else ''}{password}@"
    return f"{settings.protocol}://{login}{settings.path}"
