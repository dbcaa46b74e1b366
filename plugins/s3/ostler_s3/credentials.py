"""Whose requests these are: the settings, the environment, or the usual chain of AWS."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ostler.errors import BadRequest

from .settings import S3Settings

__all__ = ["Access", "Keys", "find_access"]

_REGION = "us-east-1"
_TTL = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys as they are given; not printed."""

    access_key_id: str
    secret_access_key: str
    session_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What is known of the server and of us.

    :param endpoint_url: empty for AWS itself.
    :param keys: None when ``provider`` has them, or nothing is signed.
    :param provider: returns keys with their expiry, as obstore asks for them, from the usual chain.
    """

    endpoint_url: str
    region: str
    keys: Keys | None = None
    provider: Callable[[], Mapping[str, Any]] | None = None

    @property
    def aws(self) -> bool:
        """Whether this is AWS S3, of which is known what it can do."""
        return not self.endpoint_url

    def addressing(self, wanted: str) -> str:
        """Return ``path`` or ``virtual``: what is wanted, unless that is ``auto``."""
        if wanted != "auto":
            return wanted
        return "virtual" if self.aws else "path"


def find_access(settings: S3Settings, environ: Mapping[str, str] = os.environ) -> Access:
    """Return server, region and keys; the chain itself is asked when the first request is signed.

    :raises BadRequest: the profile does not exist, or the shared files cannot be read.
    """
    endpoint = settings.endpoint_url or _first(
        environ, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
    ).rstrip("/")
    region = settings.region or _first(environ, "AWS_REGION", "AWS_DEFAULT_REGION")
    keys = _given(settings, environ)
    provider = None if keys or settings.anonymous else _Chain(settings.profile)
    configured = provider
    if configured is None and not (endpoint and region) and _is_configured(environ):
        configured = _Chain("")
    if configured is not None:
        endpoint, region = endpoint or configured.endpoint_url, region or configured.region
    return Access(endpoint_url=endpoint, region=region or _REGION, keys=keys, provider=provider)


def _given(settings: S3Settings, environ: Mapping[str, str]) -> Keys | None:
    if settings.access_key_id:
        return Keys(
            settings.access_key_id,
            settings.secret_access_key.get_secret_value(),
            settings.session_token.get_secret_value(),
        )
    found = [
        environ.get(name, "")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    ]
    if settings.profile or settings.anonymous or not all(found[:2]):
        return None
    return Keys(*found)


def _is_configured(environ: Mapping[str, str]) -> bool:
    """Whether there is a file that may tell server and region: only then is it worth half a second."""
    return os.path.exists(os.path.expanduser(environ.get("AWS_CONFIG_FILE") or "~/.aws/config"))


class _Chain:
    """The chain of AWS's own SDK, in the order that everybody knows."""

    def __init__(self, profile: str) -> None:
        # Imported here: half a second, needed only where no keys were given.
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        try:
            self._session = Session(profile=profile or None)
            self.region = self._session.get_config_variable("region") or ""
            self.endpoint_url = _endpoint_url(
                self._session.full_config, self._session.get_scoped_config()
            )
        except BotoCoreError as error:
            raise BadRequest(f"the shared files of AWS do not serve: {error}") from error

    def __call__(self) -> Mapping[str, Any]:
        frozen = self._current()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _TTL,
        }

    def _current(self) -> Any:
        from botocore.exceptions import CredentialRetrievalError

        try:
            found = self._session.get_credentials()  # kept by the session, and renewed by itself
            if found is None:
                raise LookupError("nobody offers any")
            return found.get_frozen_credentials()
        except CredentialRetrievalError as error:
            # Its text quotes what the source answered, which may be the keys.
            source = error.kwargs.get("provider", "a source")
            raise LookupError(f"{source} was asked for them, and failed") from None


def _endpoint_url(config: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """Return the endpoint of S3 in a profile: of its section of services, else of the whole of AWS."""
    services = config.get("services", {}).get(profile.get("services", ""), {})
    found = services.get("s3", {}).get("endpoint_url") or profile.get("endpoint_url", "")
    return str(found).rstrip("/")


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")
