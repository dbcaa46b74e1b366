"""What the arguments of ``ostler storage`` mean: a key, in the storage of the settings or in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostler.compose import Composition
from ostler.errors import BadRequest
from ostler.ost import ObjectStorage
from ostler.services.transfer import Place, key_spaces
from ostler.settings import Resolved, redact_url, resolve_storage
from ostler.spi.storage import StorageType

__all__ = ["ALL", "Location", "Locations", "split"]

ALL = "."
"""Stands for all keys of the storage of the settings: it cannot be a key."""

_HINT = f"write {ALL} for all of the storage of the settings, and a URL for all of another"


def split(text: str) -> tuple[str | None, str]:
    """Return the URL, None for the storage of the settings, and the key or prefix in it.

    :raises BadRequest: it is empty.
    """
    head, _, key = text.partition("#")
    if "://" in head:
        return head, key
    if not text:
        raise BadRequest(f"a location is empty: {_HINT}")
    return None, "" if text == ALL else text


@dataclass(frozen=True, slots=True)
class Location:
    """A key or prefix in a storage that is open.

    :param title: what the person wrote, without secrets.
    :param live: the storage is that of the settings.
    """

    storage: ObjectStorage
    key: str
    title: str
    chosen: Resolved[StorageType]
    live: bool

    @property
    def names_a_place(self) -> bool:
        """Whether it can only mean what lies below it."""
        return not self.key or self.key.endswith("/")

    @property
    def place(self) -> Place:
        """Everything below it."""
        prefix = self.key if self.names_a_place else f"{self.key}/"
        return Place(self.storage, prefix, self.title)

    def below(self, name: str) -> str:
        """Return the key: this one, or that of ``name`` when it is a place."""
        return self.key + name if self.names_a_place else self.key

    def shares(self, other: Location) -> tuple[str, str] | None:
        """Return what `key_spaces` does of the two storages."""
        return key_spaces(_fields(self.chosen), _fields(other.chosen))


class Locations:
    """Opens the storages of a command's arguments, each of them once."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._own = resolve_storage(composition.settings, composition.host)
        self._opened: list[tuple[Resolved[StorageType], ObjectStorage]] = []

    def open(self, text: str) -> Location:
        """Return the location that an argument means.

        :raises BadRequest: it means none.
        :raises NotFound: no plugin offers such a storage.
        """
        url, key = split(text)
        if url is None:
            return Location(self._composition.ost, key, redact_url(text), self._own, live=True)
        title = f"{redact_url(url)}#{key}" if key else redact_url(url)
        settings = self._composition.settings.choose("storage", url, "argument")
        chosen = resolve_storage(settings, self._composition.host)
        if chosen == self._own:
            return Location(self._composition.ost, key, title, chosen, live=True)
        return Location(self._storage(chosen, url), key, title, chosen, live=False)

    def _storage(self, chosen: Resolved[StorageType], url: str) -> ObjectStorage:
        for known, storage in self._opened:
            if known == chosen:
                return storage
        storage = self._composition.open_storage(url, "argument")
        self._opened.append((chosen, storage))
        return storage


def _fields(chosen: Resolved[StorageType]) -> Mapping[str, Any]:
    return {**chosen.settings.model_dump(), "type": chosen.type.name}
