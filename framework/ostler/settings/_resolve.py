"""From what the settings choose to a type of a plugin and its validated settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import ValidationError

from ostler.errors import BadRequest, Internal
from ostler.host import Host, Offered
from ostler.spi.executor import ExecutorType
from ostler.spi.info import TypeInfo, load_reference
from ostler.spi.kv import KvType
from ostler.spi.settings import Settings as TypeSettings
from ostler.spi.settings import sounds_secret
from ostler.spi.storage import StorageType

from ._explain import explain, refuse
from ._schema import Choice, Settings

__all__ = ["Resolved", "redact_url", "resolve_executor", "resolve_kv", "resolve_storage"]

T = TypeVar("T", bound=TypeInfo)

_PASSWORD = re.compile(r"(//[^:/?#]*):[^?#]*@")
_QUERY = re.compile(r"([?&][^=&]*)=([^&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Generic[T]):
    """A choice made good.

    :param plugin: that offers the type.
    :param settings: of the type, validated; secrets in it print as stars.
    """

    plugin: str
    type: T
    settings: TypeSettings

    def factory(self) -> Callable[..., Any]:
        """Import and return the type's factory; each kind says with what it is called.

        :raises Internal: it cannot be imported.
        """
        found: Callable[..., Any] = load_reference(self.type.factory)
        return found


def resolve_storage(settings: Settings, host: Host) -> Resolved[StorageType]:
    """Return the storage that the settings choose.

    :raises BadRequest: its settings are wrong (all faults at once), or it is
        not selectable.
    :raises NotFound: no plugin offers it; says what to install.
    :raises Conflict: several plugins do.
    :raises Internal: the plugin's own settings model is defective.
    """
    resolve = _Resolver("storage", settings, host.storage, host.storage_for_scheme)
    return resolve(settings.storage)


def resolve_kv(settings: Settings, host: Host) -> Resolved[KvType]:
    """Return the key-value store that the settings choose; raises as `resolve_storage` does."""
    return _Resolver("kv", settings, host.kv, host.kv_for_scheme)(settings.kv)


def resolve_executor(settings: Settings, host: Host) -> Resolved[ExecutorType]:
    """Return the executor that the settings choose; raises as `resolve_storage` does."""
    # Executors have no schemes of their own: `docker:…` means the type of that name.
    return _Resolver("executor", settings, host.executor, host.executor)(settings.executor)


_HINTS = {
    "storage": "; for a directory write posix:///absolute/path",
    "kv": "; for a file write sqlite:///absolute/path",
}


@dataclass(frozen=True, slots=True)
class _Resolver(Generic[T]):
    key: str
    settings: Settings
    by_name: Callable[[str], Offered[T]]
    by_scheme: Callable[[str], Offered[T]]

    def __call__(self, choice: Choice) -> Resolved[T]:
        if isinstance(choice, Mapping):
            fields = {key: value for key, value in choice.items() if key != "type"}
            return self._resolved(self.by_name(choice["type"]), fields)
        url = self._split(choice)
        if not url.scheme:
            return self._resolved(self.by_name(choice), {})
        return self._resolved(self.by_scheme(url.scheme), url)

    def _split(self, text: str) -> SplitResult:
        try:
            url = urlsplit(text)
        except ValueError as error:
            raise BadRequest(f"{self._where()} is no URL: {error}") from None
        if not url.scheme and "/" in text:
            raise BadRequest(
                f"{self._where()} is a path, not a URL or the name of a type{_HINTS.get(self.key, '')}"
            )
        return url

    def _resolved(
        self, offered: Offered[T], source: Mapping[str, Any] | SplitResult
    ) -> Resolved[T]:
        self._refuse_unselectable(offered)
        model = self._model(offered)
        try:
            fields = model.from_url(source) if isinstance(source, SplitResult) else source
            validated = model.model_validate(dict(fields))
        except ValidationError as error:
            faults = explain(error, model, self.settings.origin, f"{self.key}.")
            raise refuse(f"the settings of {self._named(offered)} are wrong", faults) from None
        except ValueError as error:
            reason = f"{self._where()} does not suit {self._named(offered)}: {error}"
            raise BadRequest(reason) from None
        return Resolved(plugin=offered.plugin, type=offered.type, settings=validated)

    def _refuse_unselectable(self, offered: Offered[T]) -> None:
        selectable = getattr(offered.type, "selectable", True)
        if not selectable and not self.settings.plugins.allow_unselectable:
            raise BadRequest(
                f"{self._where()} chooses {self._named(offered)}, which is not meant to be "
                "selected; choose another, or set plugins.allow_unselectable = true"
            )

    def _model(self, offered: Offered[T]) -> type[TypeSettings]:
        model = load_reference(offered.type.settings)
        if not (isinstance(model, type) and issubclass(model, TypeSettings)):
            raise Internal(
                f"plugin {offered.plugin!r}: {offered.type.settings!r} is no subclass of "
                "ostler.spi.Settings; tell its author"
            )
        return model

    def _named(self, offered: Offered[T]) -> str:
        return f"{self.key} {offered.type.name!r} (plugin {offered.plugin!r})"

    def _where(self) -> str:
        return f"{self.key} ({self.settings.origin(self.key)})"


def redact_url(text: str) -> str:
    """Return a URL without what may be secret: the user's password, and query values that sound so."""
    return _QUERY.sub(_shown, _PASSWORD.sub(r"\1:***@", text))


def _shown(pair: re.Match[str]) -> str:
    name, value = unquote(pair[1]), unquote(pair[2])
    secret = sounds_secret(name) or (value[:1] in ("{", "[") and sounds_secret(value))
    return f"{pair[1]}=***" if secret else pair[0]
